import CatapultAPI
import Logging
import NIOConcurrencyHelpers
import NIOCore
import SQLDatabase
import ServiceLifecycle

/// The logs of operations as clients of any server see them.
///
/// A log is a file of the server that does the work. Where several servers share a database its end is in the database too, a moment later,
/// so that every server can show it, also when the one that wrote it is gone.
final class SharedLogs: Service {
    /// How much of the end of a log other servers can show.
    static let tailLimit = 256 << 10
    /// How long text is gathered before it is shared.
    private static let pace = Duration.milliseconds(500)

    let files: LogFiles
    private let database: Database
    private let signals: ChangeSignals
    private let logger: Logger
    /// Of logs that were begun on another server: how much of them is not in the file here.
    private let missing = NIOLockedValueBox<[String: Int]>([:])

    init(files: LogFiles, database: Database, signals: ChangeSignals, logger: Logger) {
        self.files = files
        self.database = database
        self.signals = signals
        self.logger = logger
    }

    private var isShared: Bool { database.dialect == .postgresql }

    /// The name under which it is signalled that more of a log is in the database.
    private static func name(_ id: String) -> String { "log:\(id)" }

    // MARK: Writing

    /// The log of an attempt that begins here. It goes on where another server's attempt has left it, as far as that is known.
    func begin(_ id: String) async -> LogFile {
        if isShared, let shared = try? await stored(id), shared.size > files.size(id) + offset(id) {
            files.restore(id, shared.text)
            missing.withLockedValue { $0[id] = shared.size - shared.text.utf8.count }
        }
        return files.file(id)
    }

    /// Says that an attempt has ended here.
    ///
    /// - Parameter isOurs: false where another server has the operation by now: what was written here is not what came of it.
    func end(_ id: String, isOurs: Bool) async {
        if isOurs {
            if await share(id) { missing.withLockedValue { $0[id] = nil } }
            files.finish(id)
        } else {
            files.remove(id)
            missing.withLockedValue { $0[id] = nil }
        }
    }

    private func offset(_ id: String) -> Int { missing.withLockedValue { $0[id] ?? 0 } }

    // MARK: Reading

    /// The text so far, at most its last 8 MiB, or ``tailLimit`` bytes where another server wrote it.
    func text(_ id: String) async throws -> String {
        guard isShared, !files.isWriting(id), let shared = try await stored(id), shared.size > files.size(id) + offset(id) else {
            return files.text(id)
        }
        return shared.text
    }

    /// Sends a log from its beginning, and what is appended, until it is finished; see ``LogFiles/follow(_:keepAlive:isFinished:send:)``.
    ///
    /// The operation may move from server to server meanwhile: what is here is read here, what is not from the database.
    func follow(
        _ id: String, keepAlive: ByteBuffer, isFinished: @Sendable () async throws -> Bool, send: (ByteBuffer) async throws -> Void
    ) async throws {
        guard isShared else { return try await files.follow(id, keepAlive: keepAlive, isFinished: isFinished, send: send) }
        let changes = [files.growth(of: id), signals.subscribe(Self.name(id)), signals.subscribe(id)]
        var sent = 0
        while true {
            let finished = files.isWriting(id) ? false : try await isFinished()
            let shared = files.isWriting(id) ? nil : try await stored(id)
            if files.size(id) + offset(id) >= shared?.size ?? 0 {
                let offset = offset(id)
                sent = offset + (try await files.send(id, from: max(0, sent - offset), send))
            } else if let shared, shared.size > sent {
                // The text of invalid bytes is longer than they were.
                try await send(ByteBuffer(bytes: Array(shared.text.utf8).suffix(shared.size - sent)))
                sent = shared.size
            }
            if finished { return }
            if try await !ChangeSignals.next(anyOf: changes, within: .seconds(20)) { try await send(keepAlive) }
        }
    }

    private func stored(_ id: String) async throws -> (size: Int, text: String)? {
        try await database.read { connection in
            try connection.fetchFirst("SELECT size_bytes, text FROM operation_logs WHERE operation_id = \(id)") {
                (try $0.get(0), try $0.get(1))
            }
        }
    }

    // MARK: Sharing

    /// Keeps the ends of the logs that are written here in the database, until the server stops.
    func run() async throws {
        guard isShared else { return try await gracefulShutdown() }
        await cancelWhenGracefulShutdown {
            let growth = self.files.growth()
            while !Task.isCancelled {
                guard (try? await ChangeSignals.next(growth, within: .seconds(60))) != nil,
                    (try? await Task.sleep(for: Self.pace)) != nil
                else { return }
                for id in self.files.takeGrown() { await self.share(id) }
            }
        }
        for id in files.takeGrown() { await share(id) }
    }

    /// Puts the present end of a log in the database; false where it has to be tried again.
    @discardableResult
    func share(_ id: String) async -> Bool {
        guard isShared, let tail = files.tail(id, limit: Self.tailLimit) else { return true }
        let size = tail.size + offset(id)
        // A tail may begin within a character; PostgreSQL takes no NUL.
        let text = String(decoding: tail.bytes, as: UTF8.self).replacing("\0", with: "\u{FFFD}")
        do {
            _ = try await Task { [database] in
                try await database.write { connection in
                    try connection.execute(
                        """
                        INSERT INTO operation_logs (operation_id, size_bytes, text, updated_at)
                        SELECT id, \(size), \(text), \(Timestamp.now) FROM operations WHERE id = \(id)
                        ON CONFLICT (operation_id) DO UPDATE
                            SET size_bytes = excluded.size_bytes, text = excluded.text, updated_at = excluded.updated_at
                            WHERE excluded.size_bytes > operation_logs.size_bytes
                        """)
                }
            }.value
            signals.notify(Self.name(id))
            return true
        } catch {
            files.putBack([id])
            logger.warning("cannot share a log", metadata: ["operation": "\(id)", "error": "\(error)"])
            return false
        }
    }
}
