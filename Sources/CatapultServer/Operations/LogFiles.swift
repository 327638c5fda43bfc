import CatapultAPI
import Glibc
import NIOConcurrencyHelpers
import NIOCore

/// The logs of operations and deployments: one file each, which outlives what it tells of.
///
/// A reader follows a file by itself and is only woken when it has grown, so memory does not depend on the length of a log or the speed of its readers.
final class LogFiles: Sendable {
    private let directory: String
    private let notesGrowth: Bool
    private let signals = ChangeSignals()
    private let open = NIOLockedValueBox<Set<String>>([])
    /// Those that have grown since they were last asked for.
    private let grown = NIOLockedValueBox<Set<String>>([])
    /// The name under which it is signalled that any log has grown.
    private static let anyLog = "*"

    /// Logs in a folder, which is made if it is missing.
    ///
    /// - Parameter notesGrowth: whether somebody asks with ``takeGrown()`` which logs have grown.
    init(directory: String, notesGrowth: Bool = false) throws {
        self.directory = directory
        self.notesGrowth = notesGrowth
        try PrivateFile.makeDirectory(directory, mode: 0o750)
    }

    private func path(_ id: String) -> String { "\(directory)/\(id).log" }

    /// The log with an id, open for appending.
    func file(_ id: String) -> LogFile {
        open.withLockedValue { _ = $0.insert(id) }
        return LogFile(path: path(id)) { [signals, grown, notesGrowth] in
            signals.notify(id)
            if notesGrowth, grown.withLockedValue({ $0.insert(id).inserted }) { signals.notify(Self.anyLog) }
        }
    }

    /// Whether this server writes a log now.
    func isWriting(_ id: String) -> Bool { open.withLockedValue { $0.contains(id) } }

    /// Puts a text in place of what is here of a log.
    func restore(_ id: String, _ text: String) {
        let descriptor = Glibc.open(path(id), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        var text = text
        text.withUTF8 { _ = write(descriptor, $0.baseAddress, $0.count) }
    }

    /// The length of a log; 0 where it has no file here.
    func size(_ id: String) -> Int {
        var reader = LogReader(path: path(id))
        return reader?.skipToLast(0) ?? 0
    }

    /// Signals that a log has grown, or come to its end.
    func growth(of id: String) -> ChangeSignals.Subscription { signals.subscribe(id) }

    /// Signals that some log has grown; ``takeGrown()`` says which.
    func growth() -> ChangeSignals.Subscription { signals.subscribe(Self.anyLog) }

    /// The logs that have grown since the last time.
    func takeGrown() -> Set<String> {
        grown.withLockedValue { grown in
            defer { grown = [] }
            return grown
        }
    }

    /// Notes that a log has to be looked at again.
    func putBack(_ ids: Set<String>) { grown.withLockedValue { $0.formUnion(ids) } }

    /// The length of a log and its last `limit` bytes; nil where it has no file here.
    func tail(_ id: String, limit: Int) -> (size: Int, bytes: [UInt8])? {
        guard var reader = LogReader(path: path(id)) else { return nil }
        let size = reader.skipToLast(limit)
        var bytes: [UInt8] = []
        while let chunk = reader.read() { bytes.append(contentsOf: chunk) }
        return (max(size, bytes.count), bytes)
    }

    /// Says that nothing more will be appended: readers that follow come to their end.
    func finish(_ id: String) {
        open.withLockedValue { _ = $0.remove(id) }
        signals.notify(id)
    }

    /// The whole text; empty when nothing was written yet. At most the last `limit` bytes.
    func text(_ id: String, limit: Int = 8 << 20) -> String {
        guard var reader = LogReader(path: path(id)) else { return "" }
        reader.skipToLast(limit)
        var bytes: [UInt8] = []
        while let chunk = reader.read() { bytes.append(contentsOf: chunk) }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Sends a log from a place in it to its present end, and gives that end.
    func send(_ id: String, from start: Int, _ send: (ByteBuffer) async throws -> Void) async throws -> Int {
        guard var reader = LogReader(path: path(id)) else { return start }
        reader.skip(to: start)
        var end = start
        while let chunk = reader.read() {
            try await send(ByteBuffer(bytes: chunk))
            end += chunk.count
        }
        return end
    }

    /// Removes a log.
    func remove(_ id: String) {
        unlink(path(id))
        _ = grown.withLockedValue { $0.remove(id) }
        finish(id)
    }

    /// Sends a log from its beginning, and what is appended, until it is finished. `isFinished` is asked for logs that this process does not
    /// write (they were finished before it started, or wait in the queue). After 20 seconds without text `keepAlive` is sent.
    func follow(
        _ id: String, keepAlive: ByteBuffer, isFinished: @Sendable () async throws -> Bool, send: (ByteBuffer) async throws -> Void
    ) async throws {
        let changes = signals.subscribe(id)
        var reader = LogReader(path: path(id))
        while true {
            let writing = open.withLockedValue { $0.contains(id) }
            let finished = writing ? false : try await isFinished()
            if reader == nil { reader = LogReader(path: path(id)) }
            while let chunk = reader?.read() { try await send(ByteBuffer(bytes: chunk)) }
            if finished { return }
            if try await !ChangeSignals.next(changes, within: .seconds(20)) { try await send(keepAlive) }
        }
    }
}

/// One log, open for appending. Appends of several tasks do not mix within a piece.
struct LogFile: Sendable {
    private let descriptor: Descriptor
    private let didGrow: @Sendable () -> Void

    fileprivate init(path: String, didGrow: @escaping @Sendable () -> Void) {
        descriptor = Descriptor(Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o640))
        self.didGrow = didGrow
    }

    /// Appends text. A full disk loses log lines, never the work that they tell of.
    func append(_ text: String) {
        var text = text
        text.withUTF8 { _ = write(descriptor.number, $0.baseAddress, $0.count) }
        didGrow()
    }

    private final class Descriptor: Sendable {
        let number: Int32
        init(_ number: Int32) { self.number = number }
        deinit { if number >= 0 { close(number) } }
    }
}

/// Reads a log piece by piece.
private struct LogReader: ~Copyable {
    private let descriptor: Int32

    init?(path: String) {
        descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        if descriptor < 0 { return nil }
    }

    deinit { close(descriptor) }

    mutating func skip(to offset: Int) { _ = lseek(descriptor, off_t(offset), SEEK_SET) }

    /// Gives the length of the log.
    @discardableResult
    mutating func skipToLast(_ count: Int) -> Int {
        let size = lseek(descriptor, 0, SEEK_END)
        _ = lseek(descriptor, max(0, size - off_t(count)), SEEK_SET)
        return Int(size)
    }

    /// The next bytes; nil at the present end.
    mutating func read() -> [UInt8]? {
        let bytes = [UInt8](unsafeUninitializedCapacity: 64 << 10) { buffer, count in
            count = max(0, Glibc.read(descriptor, buffer.baseAddress, buffer.count))
        }
        return bytes.isEmpty ? nil : bytes
    }
}
