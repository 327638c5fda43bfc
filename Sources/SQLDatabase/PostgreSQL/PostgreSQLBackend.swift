import Synchronization

/// The shared database: one connection for writes and a pool of connections for reads, each on a thread of its own.
final class PostgreSQLBackend: DatabaseBackend {
    /// A connection with its thread. An actor, so that the session cannot be reached from another thread.
    private actor Worker {
        private let executor: DispatchQueueExecutor
        private let link: PostgreSQLLink
        private let session: PostgreSQLSession
        nonisolated let canceller: PostgreSQLCanceller
        private var isClosed = false

        init(label: String, link: PostgreSQLLink, settings: [(name: String, value: String)]) {
            executor = DispatchQueueExecutor(label: label)
            self.link = link
            session = PostgreSQLSession(url: link.url, settings: settings, library: link.library)
            canceller = session.canceller
        }

        nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

        /// Connects for the first time: at once or not at all.
        func connect() throws { try session.connect() }

        func run<T: Sendable>(_ kind: PostgreSQLTransaction.Kind, _ body: @Sendable (any SQLConnection) throws -> T) throws -> T {
            guard !isClosed else { throw DatabaseError.closed }
            canceller.reset()
            try Task.checkCancellation()
            return try PostgreSQLTransaction.run(kind, session, link, body)
        }

        func close() {
            isClosed = true
            session.disconnect()
        }
    }

    let dialect = SQLDialect.postgresql
    private let writer: Worker
    private let readers: ConnectionPool<Worker>
    private let hub: NotificationHub
    private let listener: PostgreSQLListener
    private let closing = Mutex<Task<Void, Never>?>(nil)

    private init(writer: Worker, readers: [Worker], link: PostgreSQLLink) {
        hub = NotificationHub()
        listener = PostgreSQLListener(url: link.url, library: link.library, hub: hub)
        self.writer = writer
        self.readers = ConnectionPool(readers)
    }

    /// Connects the writer, so that a wrong URL shows at once; readers connect when they are first needed.
    static func open(_ url: PostgreSQLURL, configuration: Database.Configuration) async throws -> PostgreSQLBackend {
        let link = PostgreSQLLink(url: url, library: try LibPQ.load())
        let busy = max(1, Int(configuration.busyTimeout / .milliseconds(1)))
        let limits = [("lock_timeout", "\(busy)"), ("statement_timeout", "60000")]
        let writer = Worker(
            label: "\(configuration.label).write", link: link,
            // Less than others wait for the lock: a program that is frozen while it holds it delays them and fails only itself.
            settings: limits + [("idle_in_transaction_session_timeout", "\(max(1, busy * 4 / 5))")])
        try await writer.connect()
        let readers = (1...max(1, configuration.maximumReaders)).map { number in
            Worker(
                label: "\(configuration.label).reader.\(number)", link: link,
                settings: limits + [("idle_in_transaction_session_timeout", "60000")])
        }
        return PostgreSQLBackend(writer: writer, readers: readers, link: link)
    }

    func read<T: Sendable>(_ body: @Sendable (any SQLConnection) throws -> T) async throws -> T {
        try await readers.withConnection { reader in
            try await withTaskCancellationHandler {
                try await reader.run(.read, body)
            } onCancel: {
                reader.canceller.cancel()
            }
        }
    }

    func write<T: Sendable>(_ body: @Sendable (any SQLConnection) throws -> T) async throws -> T {
        try await writer.run(.write, body)
    }

    func migrate<T: Sendable>(_ body: @Sendable (any SQLConnection) throws -> T) async throws -> T {
        try await writer.run(.patientWrite, body)
    }

    /// Nothing to do: the server looks after its log by itself.
    func checkpoint() async throws {
        _ = try await read { _ in }
    }

    func notifications(_ channel: String) -> DatabaseNotifications {
        let (queue, notifications) = hub.subscribe(channel)
        listener.listen(to: channel, for: queue)
        return notifications
    }

    func close() async throws {
        let task = closing.withLock { closing in
            // In a task of its own: closing must not stop half-way when who asks for it is cancelled.
            let task =
                closing
                ?? Task {
                    self.listener.close()
                    self.hub.finish()
                    for reader in await self.readers.close() { await reader.close() }
                    await self.writer.close()
                }
            closing = task
            return task
        }
        await task.value
    }
}
