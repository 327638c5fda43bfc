import Logging
import NIOConcurrencyHelpers
import SQLDatabase
import ServiceLifecycle

/// Takes signals to the other servers on the database, and theirs to those who wait here.
///
/// Signals carry no data, so losing some is cured by waking everybody; that happens whenever the database says that messages may have been
/// missed. A server with an embedded database has no others, and relays nothing.
final class SignalRelay: Service {
    private static let channel = "catapult_signals"
    /// Names of signals in one message, in bytes; PostgreSQL takes messages of less than 8000.
    private static let longestMessage = 7_000

    private let database: Database
    private let signals: ChangeSignals
    private let outbox: SignalOutbox
    private let server: String
    private let logger: Logger

    /// - Parameter outbox: where `signals` puts what is for others too.
    init(database: Database, signals: ChangeSignals, outbox: SignalOutbox, server: String, logger: Logger) {
        self.database = database
        self.signals = signals
        self.outbox = outbox
        self.server = server
        self.logger = logger
    }

    /// Signals to the other servers when the transaction commits.
    static func post(_ names: some Sequence<String>, from server: String, in connection: any SQLConnection) throws {
        var message = server
        for name in names {
            if message.utf8.count + name.utf8.count >= longestMessage {
                try connection.notify(channel, message)
                message = server
            }
            message += "\n" + name
        }
        try connection.notify(channel, message)
    }

    /// Works until the server stops.
    func run() async throws {
        guard database.dialect == .postgresql else { return try await gracefulShutdown() }
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                group.addTask { await self.receive() }
                await self.send()
                group.cancelAll()
            }
        }
        await sendOnce()
    }

    private func send() async {
        while !Task.isCancelled {
            await outbox.wait()
            if await !sendOnce() { try? await Task.sleep(for: .seconds(1)) }
        }
    }

    @discardableResult
    private func sendOnce() async -> Bool {
        let names = outbox.take()
        guard !names.isEmpty else { return true }
        do {
            let server = server
            try await Task { [database] in try await database.write { try Self.post(names.sorted(), from: server, in: $0) } }.value
            return true
        } catch {
            names.forEach(outbox.put)
            logger.warning("cannot signal to other servers", metadata: ["error": "\(error)"])
            return false
        }
    }

    private func receive() async {
        for await notification in database.notifications(Self.channel) {
            switch notification {
            case .resumed: signals.notifyAllHere()
            case .payload(let message):
                let lines = message.split(separator: "\n")
                guard let sender = lines.first, sender != server else { continue }
                for name in lines.dropFirst() { signals.notifyHere(String(name)) }
            }
        }
    }
}

/// Signals that wait to be taken to other servers; many of one name are one.
final class SignalOutbox: Sendable {
    private let names = NIOLockedValueBox<Set<String>>([])
    private let arrivals = ChangeSignals()
    private let arrival: ChangeSignals.Subscription

    init() { arrival = arrivals.subscribe("arrival") }

    /// Adds a signal.
    func put(_ name: String) {
        names.withLockedValue { _ = $0.insert(name) }
        arrivals.notifyHere("arrival")
    }

    /// Takes what has come.
    func take() -> Set<String> {
        names.withLockedValue { names in
            defer { names = [] }
            return names
        }
    }

    /// Waits until something has come, or the task is cancelled.
    func wait() async {
        var iterator = arrival.makeAsyncIterator()
        _ = await iterator.next()
    }
}
