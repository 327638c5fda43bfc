import NIOCore
import NIOPosix

/// The kernel's buffers of the tests' own connections: fixed, so that what is in flight is bounded by the gateway and not by the machine.
let socketBufferBytes: Int = 256 << 10

/// An HTTP response as a test reads it.
struct RawResponse: Sendable {
    var status: Int
    /// Names in lower case, in the order of arrival.
    var headers: [(name: String, value: String)]
    var body: String
    var trailers: [(name: String, value: String)] = []

    subscript(name: String) -> String? {
        headers.first { $0.name == name }?.value
    }
}

/// What a test meets when a peer does not say what it must.
enum RawConnectionError: Error {
    case closed(unread: String)
    case notHTTP(String)
}

/// A TCP connection with a text-book HTTP/1.1 reader: nothing of the code under test, or of its libraries' HTTP, is trusted here.
final class RawConnection {
    private var inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
    private let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    private let eventLoop: any EventLoop
    private var buffer = ByteBuffer()

    init(
        _ channel: any Channel, _ inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator,
        _ outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    ) {
        eventLoop = channel.eventLoop
        self.inbound = inbound
        self.outbound = outbound
    }

    /// Connects, runs the body, and closes.
    static func open<T>(port: Int, _ body: (RawConnection) async throws -> T) async throws -> T {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelOption(.socketOption(.so_sndbuf), value: socketBufferBytes)
            .channelOption(.socketOption(.so_rcvbuf), value: socketBufferBytes)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    let configuration = NIOAsyncChannel<ByteBuffer, ByteBuffer>.Configuration(isOutboundHalfClosureEnabled: true)
                    return try NIOAsyncChannel(wrappingChannelSynchronously: channel, configuration: configuration)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            try await body(RawConnection(channel.channel, inbound.makeAsyncIterator(), outbound))
        }
    }

    func write(_ text: String) async throws {
        try await write(ByteBuffer(string: text))
    }

    func write(_ bytes: ByteBuffer) async throws {
        try await outbound.write(bytes)
        // The writer knows that the channel is full only after the event loop has seen the write: without this it runs far ahead.
        try await eventLoop.submit {}.get()
    }

    func finishWriting() {
        outbound.finish()
    }

    /// Some bytes, as they come; nil at the end of the connection. A reset counts as the end, too.
    func readBytes() async throws -> ByteBuffer? {
        if buffer.readableBytes > 0 {
            defer { buffer = ByteBuffer() }
            return buffer
        }
        do {
            return try await inbound.next()
        } catch is IOError {
            return nil
        }
    }

    /// Reads on to the end of the connection; true where it ends with a reset.
    func endsWithReset() async throws -> Bool {
        do {
            while try await inbound.next() != nil {}
            return false
        } catch let error as IOError {
            return error.errnoCode == ECONNRESET
        }
    }

    /// Everything up to and with `end`.
    func read(through end: String) async throws -> String {
        while true {
            let text = String(buffer: buffer)
            if let range = text.firstRange(of: end) {
                let taken = text[..<range.upperBound]
                buffer.moveReaderIndex(forwardBy: taken.utf8.count)
                return String(taken)
            }
            try await fill()
        }
    }

    /// All that comes until the connection ends.
    func readToEnd() async throws -> String {
        var all = ByteBuffer()
        while var bytes = try await readBytes() { all.writeBuffer(&bytes) }
        return String(buffer: all)
    }

    func readHead() async throws -> RawResponse {
        let lines = try await read(through: "\r\n\r\n").split(separator: "\r\n")
        guard let first = lines.first, first.hasPrefix("HTTP/1.1 "), let status = Int(first.dropFirst(9).prefix(3)) else {
            throw RawConnectionError.notHTTP(lines.joined(separator: "|"))
        }
        return RawResponse(status: status, headers: lines.dropFirst().map(Self.field), body: "")
    }

    /// A whole response. `toHead`: it answers a HEAD request and has no body.
    func readResponse(toHead: Bool = false) async throws -> RawResponse {
        var response = try await readHead()
        if toHead || response.status == 204 || response.status == 304 { return response }
        if response["transfer-encoding"] == "chunked" {
            while let chunk = try await readChunk() { response.body += chunk }
            while true {
                let line = try await read(through: "\r\n").dropLast(1)
                guard !line.isEmpty else { return response }
                response.trailers.append(Self.field(line))
            }
        }
        if let length = response["content-length"].flatMap({ Int($0) }) {
            while buffer.readableBytes < length { try await fill() }
            response.body = buffer.readString(length: length) ?? ""
            return response
        }
        response.body = try await readToEnd()
        return response
    }

    /// One chunk of a chunked body; nil for the last one, whose trailer section follows.
    func readChunk() async throws -> String? {
        let line = try await read(through: "\r\n").dropLast(1)
        guard let size = Int(line, radix: 16) else { throw RawConnectionError.notHTTP(String(line)) }
        guard size > 0 else { return nil }
        while buffer.readableBytes < size + 2 { try await fill() }
        let chunk = buffer.readString(length: size) ?? ""
        guard buffer.readString(length: 2) == "\r\n" else { throw RawConnectionError.notHTTP("no CRLF after a chunk") }
        return chunk
    }

    private func fill() async throws {
        guard var more = try await inbound.next() else { throw RawConnectionError.closed(unread: String(buffer: buffer)) }
        buffer.writeBuffer(&more)
    }

    private static func field(_ line: some StringProtocol) -> (name: String, value: String) {
        let parts = line.split(separator: ":", maxSplits: 1)
        let value = (parts.count > 1 ? String(parts[1]) : "").drop { $0 == " " }
        return (parts[0].lowercased(), String(value).trimmed)
    }
}

extension String {
    fileprivate var trimmed: String {
        String(reversed().drop { $0.isWhitespace }.reversed())
    }
}
