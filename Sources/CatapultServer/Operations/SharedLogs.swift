import CatapultAPI
import Logging
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

    init(files: LogFiles, database: Database, signals: ChangeSignals, logger: Logger) {
        self.files = files
        self.database = database
        self.signals = signals
        self.logger = logger
    }

    private var isShared: Bool { database.dialect == .postgresql }

    /// The name under which it is signalled that more of a log is in the database.
    private static func name(_ id: String) -> String { "log:\(id)" }

    // MARK: Reading

    /// The text so far, at most its last 8 MiB, or ``tailLimit`` bytes where another server wrote it.
    func text(_ id: String) async throws -> String {
        let here = files.text(id)
        guard isShared, !files.isWriting(id), let shared = try await stored(id), shared.size > here.utf8.count else { return here }
        return shared.text
    }

    /// Sends a log from its beginning, and what is appended, until it is finished; see ``LogFiles/follow(_:keepAlive:isFinished:send:)``.
    func follow(
        _ id: String, keepAlive: ByteBuffer, isFinished: @Sendable () async throws -> Bool, send: (ByteBuffer) async throws -> Void
    ) async throws {
        guard isShared, !files.isWriting(id) else {
            return try await files.follow(id, keepAlive: keepAlive, isFinished: isFinished, send: send)
        }
        let (grown, ended) = (signals.subscribe(Self.name(id)), signals.subscribe(id))
        var sent = 0
        while true {
            let finished = try await isFinished()
            if let shared = try await stored(id), shared.size > sent {
                let bytes = Array(shared.text.utf8)
                try await send(ByteBuffer(bytes: bytes.suffix(shared.size - sent)))
                sent = shared.size
            }
            if finished { return }
            if try await !ChangeSignals.next(grown, or: ended, within: .seconds(20)) { try await send(keepAlive) }
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

    /// Puts the present end of a log in the database.
    func share(_ id: String) async {
        guard isShared, let tail = files.tail(id, limit: Self.tailLimit) else { return }
        // A tail may begin within a character; PostgreSQL takes no NUL.
        let text = String(decoding: tail.bytes, as: UTF8.self).replacing("\0", with: "\u{FFFD}")
        do {
            _ = try await Task { [database] in
                try await database.write { connection in
                    try connection.execute(
                        """
                        INSERT INTO operation_logs (operation_id, size_bytes, text, updated_at)
                        SELECT id, \(tail.size), \(text), \(Timestamp.now) FROM operations WHERE id = \(id)
                        ON CONFLICT (operation_id) DO UPDATE
                            SET size_bytes = excluded.size_bytes, text = excluded.text, updated_at = excluded.updated_at
                        """)
                }
            }.value
            signals.notify(Self.name(id))
        } catch {
            files.putBack([id])
            logger.warning("cannot share a log", metadata: ["operation": "\(id)", "error": "\(error)"])
        }
    }
}
