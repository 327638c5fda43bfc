import NIOCore

/// Takes the bytes of a container's log apart into lines.
///
/// A pure value: bytes in, cut anywhere; lines out. The format is that of `GET /containers/{id}/logs`: without a terminal, frames of an 8-byte header (the
/// stream's number, three zeros, the payload's length as a big-endian 32-bit number) and a payload that belongs to one line; with a terminal, the bare bytes.
/// With times asked for, the engine puts an RFC 3339 time and a space before each payload, also before each of the payloads that a long line is cut into.
///
/// Memory is bounded by one line per stream, whatever length a frame claims.
public struct LogDemultiplexer: Sendable {
    /// How the bytes are framed.
    public enum Framing: Sendable, Hashable {
        /// Frames with headers: a container without a terminal.
        case multiplexed
        /// Bare bytes: a container with a terminal.
        case raw
    }

    private let framing: Framing
    private let maximumErrorBytes = 4096
    private var header: [UInt8] = []
    private var channel = Channel.stdout
    private var payloadLeft: UInt32 = 0
    private var stdout: LogLineAssembler
    private var stderr: LogLineAssembler
    private var engineError: [UInt8] = []

    /// The stream numbers of a frame's header.
    private enum Channel: UInt8 {
        case stdin = 0
        case stdout = 1
        case stderr = 2
        /// An error of the engine itself while it reads the log.
        case engine = 3
    }

    /// Makes a demultiplexer.
    ///
    /// - Parameters:
    ///   - hasTimestamps: Whether each payload begins with a time.
    ///   - maximumLineBytes: The most bytes of a line; what is beyond is left out and ``LogLine/isTruncated`` is set.
    public init(framing: Framing = .multiplexed, hasTimestamps: Bool = true, maximumLineBytes: Int = 1 << 20) {
        self.framing = framing
        let isRaw = framing == .raw
        stdout = LogLineAssembler(
            stream: .stdout, hasTimestamps: hasTimestamps, dropsCarriageReturn: isRaw, maximumLineBytes: maximumLineBytes)
        stderr = LogLineAssembler(
            stream: .stderr, hasTimestamps: hasTimestamps, dropsCarriageReturn: isRaw, maximumLineBytes: maximumLineBytes)
    }

    /// Takes the next bytes, and gives the lines that they complete.
    ///
    /// - Throws: ``ContainerEngineError/unexpectedResponse(message:)`` for a malformed frame, ``ContainerEngineError/serverError(status:message:)`` for an
    ///   error that the engine reports within the log.
    public mutating func consume(_ bytes: ByteBuffer) throws(ContainerEngineError) -> [LogLine] {
        var lines: [LogLine] = []
        var rest = bytes.readableBytesView
        if framing == .raw {
            stdout.append(rest, to: &lines)
            return lines
        }
        while !rest.isEmpty {
            if payloadLeft == 0 {
                let taken = rest.prefix(8 - header.count)
                header.append(contentsOf: taken)
                rest = rest.dropFirst(taken.count)
                guard header.count == 8 else { break }
                try beginFrame()
                if payloadLeft == 0 { try endFrame() }
            } else {
                let taken = rest.prefix(Int(payloadLeft))
                rest = rest.dropFirst(taken.count)
                payloadLeft -= UInt32(taken.count)
                switch channel {
                case .stdin, .stdout: stdout.append(taken, to: &lines)
                case .stderr: stderr.append(taken, to: &lines)
                case .engine: engineError.append(contentsOf: taken.prefix(maximumErrorBytes - engineError.count))
                }
                if payloadLeft == 0 { try endFrame() }
            }
        }
        return lines
    }

    /// Called at the end of the log; gives the lines that have no end of their own.
    ///
    /// - Throws: ``ContainerEngineError/unexpectedResponse(message:)`` where a frame is cut off.
    public mutating func finish() throws(ContainerEngineError) -> [LogLine] {
        guard payloadLeft == 0, header.isEmpty else {
            throw .unexpectedResponse(message: "The container's log ends in the middle of a frame.")
        }
        return [stdout.finish(), stderr.finish()].compactMap { $0 }
    }

    private mutating func beginFrame() throws(ContainerEngineError) {
        guard let channel = Channel(rawValue: header[0]), header[1...3].allSatisfy({ $0 == 0 }) else {
            throw .unexpectedResponse(message: "The container's log holds a malformed frame.")
        }
        self.channel = channel
        payloadLeft = header[4...].reduce(0) { $0 << 8 | UInt32($1) }
        header.removeAll(keepingCapacity: true)
    }

    private mutating func endFrame() throws(ContainerEngineError) {
        switch channel {
        case .stdin, .stdout: stdout.endPayload()
        case .stderr: stderr.endPayload()
        case .engine: throw .serverError(status: 500, message: String(decoding: engineError, as: UTF8.self))
        }
    }
}

extension LogDemultiplexer: StreamParser {}
