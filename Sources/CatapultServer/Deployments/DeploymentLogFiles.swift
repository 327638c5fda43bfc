import CatapultAPI
import Glibc
import NIOConcurrencyHelpers

/// One line that a replica printed.
struct ReplicaLogLine: Sendable, Equatable {
    var time: Timestamp
    /// The replica's number, for people.
    var number: Int
    /// The beginning of the replica's id, which tells replicas of one number apart.
    var replica: String
    var text: String

    init(time: Timestamp, number: Int, replicaID: String, text: String) {
        self.time = time
        self.number = number
        replica = Self.short(replicaID)
        self.text = text
    }

    /// Ids begin with the time, so their ends tell them apart.
    static func short(_ id: String) -> String { String(id.suffix(8)) }

    /// As it is kept in the file.
    var stored: String { "\(time) \(number)/\(replica) \(Self.printable(text))\n" }

    /// Reads a line as it is kept; nil for anything else.
    init?(stored line: Substring) {
        let parts = line.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, let time = Timestamp(parts[0]) else { return nil }
        let name = parts[1].split(separator: "/")
        guard name.count == 2, let number = Int(name[0]) else { return nil }
        self.time = time
        self.number = number
        replica = String(name[1])
        text = String(parts[2])
    }

    /// As clients see it: with the replica's number where there are several.
    func shown(numbered: Bool) -> String { numbered ? "\(time) [\(number)] \(text)" : "\(time) \(text)" }

    /// Without what would end a line early: a carriage return does, in server-sent events.
    private static func printable(_ text: String) -> String {
        text.utf8.contains { $0 == 0x0D || $0 == 0x0A || $0 == 0 }
            ? String(String.UnicodeScalarView(text.unicodeScalars.filter { !["\r", "\n", "\0"].contains($0) })) : text
    }
}

/// Where the kept log of a replica ends, so that it can be continued without a gap or a repetition.
struct LogEnd: Sendable, Equatable {
    /// The time of the last line.
    var time: Timestamp
    /// How many lines have that time.
    var lines = 0

    init(time: Timestamp) { self.time = time }

    fileprivate mutating func pass(_ next: Timestamp) {
        if next > time { self = LogEnd(time: next) }
        if next == time { lines += 1 }
    }
}

/// What the replicas of each deployment printed, kept when their containers are gone: a file per deployment, and the one before it.
///
/// A file that has grown to its limit takes the place of the one before it, so a deployment keeps between one and two limits of text.
final class DeploymentLogFiles: Sendable {
    /// The most bytes that are looked at for the last lines.
    private static let tailLimit = 4 << 20

    private let directory: String
    private let fileLimit: Int
    private let signals = ChangeSignals()
    private let files = NIOLockedValueBox<[String: OpenFile]>([:])
    /// By deployment and the short name of the replica; read from the file when it is first asked for.
    private let ends = NIOLockedValueBox<[String: [String: LogEnd]]>([:])

    private struct OpenFile {
        var descriptor: Int32
        var size: Int
    }

    /// Logs in a folder, which is made if it is missing.
    init(directory: String, fileLimit: Int = 8 << 20) throws {
        self.directory = directory
        self.fileLimit = fileLimit
        try PrivateFile.makeDirectory(directory, mode: 0o750)
    }

    deinit {
        files.withLockedValue { $0.values.forEach { close($0.descriptor) } }
    }

    private func path(_ id: String) -> String { "\(directory)/\(id).log" }
    private func earlierPath(_ id: String) -> String { "\(directory)/\(id).1.log" }

    /// Appends a line. A full disk loses log lines, never the work that they tell of.
    func append(_ line: ReplicaLogLine, to id: String) {
        var text = line.stored
        files.withLockedValue { files in
            var file = files[id] ?? open(id)
            if file.size >= fileLimit {
                close(file.descriptor)
                rename(path(id), earlierPath(id))
                file = open(id)
            }
            let written = text.withUTF8 { write(file.descriptor, $0.baseAddress, $0.count) }
            file.size += max(0, written)
            files[id] = file
        }
        ends.withLockedValue { $0[id]?[line.replica, default: LogEnd(time: line.time)].pass(line.time) }
        signals.notify(id)
    }

    private func open(_ id: String) -> OpenFile {
        let descriptor = Glibc.open(path(id), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o640)
        return OpenFile(descriptor: descriptor, size: descriptor < 0 ? 0 : max(0, Int(lseek(descriptor, 0, SEEK_END))))
    }

    /// Removes what a deployment's replicas printed; those who follow come to their end.
    func remove(_ id: String) {
        files.withLockedValue { files in
            if let file = files.removeValue(forKey: id) { close(file.descriptor) }
        }
        ends.withLockedValue { $0[id] = nil }
        unlink(path(id))
        unlink(earlierPath(id))
        signals.notify(id)
    }

    /// The time of the last line of a replica that is kept, and how many lines have that very time.
    func end(of replicaID: String, in id: String) -> LogEnd? {
        let short = ReplicaLogLine.short(replicaID)
        if let known = ends.withLockedValue({ $0[id] }) { return known[short] }
        var found: [String: LogEnd] = [:]
        for line in tail(id, bytes: Self.tailLimit).lines.compactMap(ReplicaLogLine.init(stored:)) {
            found[line.replica, default: LogEnd(time: line.time)].pass(line.time)
        }
        return ends.withLockedValue { ends in
            // What was appended meanwhile is newer than what the file had.
            ends[id] = found.merging(ends[id] ?? [:]) { $1 }
            return ends[id]?[short]
        }
    }

    /// The last lines, as clients see them, and whether there are earlier ones.
    func tail(_ id: String, lines count: Int, numbered: Bool) -> (lines: [String], isTruncated: Bool) {
        let (lines, isWhole, _) = tail(id, bytes: Self.tailLimit)
        let shown = lines.suffix(count).map { Self.shown($0, numbered: numbered) }
        return (shown, !isWhole || lines.count > count)
    }

    private static func shown(_ line: Substring, numbered: Bool) -> String {
        ReplicaLogLine(stored: line)?.shown(numbered: numbered) ?? String(line)
    }

    /// Lets those who follow a log ask whether it is over.
    func wakeReaders(of id: String) { signals.notify(id) }

    /// The complete lines at the end, whether they are all there are, and where in the present file they end.
    private func tail(_ id: String, bytes limit: Int) -> (lines: [Substring], isWhole: Bool, position: LogPosition?) {
        var reader = LogFileReader(path: path(id))
        let present = reader?.readLast(limit) ?? (bytes: [], isWhole: true)
        let position = reader?.position
        var bytes = present.bytes
        var isWhole = present.isWhole
        if isWhole, bytes.count < limit, var earlier = LogFileReader(path: earlierPath(id)) {
            let before = earlier.readLast(limit - bytes.count)
            bytes = before.bytes + bytes
            isWhole = before.isWhole
        }
        var lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: true)
        if !isWhole, !lines.isEmpty { lines.removeFirst() }
        return (lines, isWhole, position)
    }

    /// Sends the last lines, and further ones as they come, until `isOver` says that there will be no more. Calls `idle` now and then while
    /// nothing comes.
    func follow(
        _ id: String, tail count: Int, numbered: Bool, isOver: () async throws -> Bool, idle: () async throws -> Void,
        send: ([String]) async throws -> Void
    ) async throws {
        let changes = signals.subscribe(id)
        let (earlier, _, position) = tail(id, bytes: Self.tailLimit)
        if count > 0, !earlier.isEmpty { try await send(earlier.suffix(count).map { Self.shown($0, numbered: numbered) }) }
        var reader = position.flatMap { LogFileReader(path: path(id), from: $0) }
        var partial: [UInt8] = []
        while true {
            let hadReader = reader != nil
            while let chunk = reader?.read() {
                partial += chunk
                guard let end = partial.lastIndex(of: 0x0A) else { continue }
                let lines = String(decoding: partial[..<end], as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: true)
                partial.removeFirst(end + 1)
                try await send(lines.map { Self.shown($0, numbered: numbered) })
            }
            // Its name belongs to another file now: what there was has been read, go on with the new one.
            if let next = LogFileReader(path: path(id)), reader?.position.file != next.position.file {
                let hasText = next.size > 0
                reader = consume next
                partial = []
                if !hadReader || hasText { continue }
            }
            if try await isOver() { return }
            if try await !ChangeSignals.next(changes, within: .seconds(20)) { try await idle() }
        }
    }
}

/// A place in a file, which keeps its identity when it is renamed.
private struct LogPosition: Equatable {
    struct File: Equatable {
        var device: UInt
        var number: UInt
    }

    var file: File
    var offset: Int
}

/// Reads a file piece by piece.
private struct LogFileReader: ~Copyable {
    private let descriptor: Int32
    private(set) var position: LogPosition

    /// Opens a file; nil where there is none.
    init?(path: String) {
        descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        if descriptor < 0 { return nil }
        var status = stat()
        fstat(descriptor, &status)
        position = LogPosition(file: .init(device: UInt(status.st_dev), number: UInt(status.st_ino)), offset: 0)
    }

    /// Opens a file at a place; at its beginning where the path names another file by now.
    init?(path: String, from earlier: LogPosition) {
        self.init(path: path)
        if position.file == earlier.file { position.offset = earlier.offset }
    }

    deinit { close(descriptor) }

    var size: Int {
        var status = stat()
        return fstat(descriptor, &status) == 0 ? Int(status.st_size) : 0
    }

    /// The last bytes, and whether they are all there are. Goes on behind them.
    mutating func readLast(_ limit: Int) -> (bytes: [UInt8], isWhole: Bool) {
        let start = max(0, size - limit)
        position.offset = start
        var bytes: [UInt8] = []
        while let chunk = read() { bytes += chunk }
        // A line that is being written counts when it is complete.
        if let end = bytes.lastIndex(of: 0x0A) {
            position.offset -= bytes.count - end - 1
            bytes.removeLast(bytes.count - end - 1)
        }
        return (bytes, start == 0)
    }

    /// The next bytes; nil at the present end.
    mutating func read() -> [UInt8]? {
        let offset = position.offset
        let bytes = [UInt8](unsafeUninitializedCapacity: 64 << 10) { buffer, count in
            count = max(0, pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset)))
        }
        position.offset += bytes.count
        return bytes.isEmpty ? nil : bytes
    }
}
