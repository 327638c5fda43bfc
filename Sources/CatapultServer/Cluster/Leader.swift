import CatapultAPI
import Logging
import NIOConcurrencyHelpers
import SQLDatabase
import ServiceLifecycle

/// Elects the one of several servers that does what only one may do, and says whether it is this one.
///
/// A server with an embedded database is alone and always leads.
final class Leader: Service {
    /// The lease, and the signal that it may be free or has changed hands.
    static let name = "leader"

    let server: ServerIdentity
    private let database: Database
    private let signals: ChangeSignals
    private let logger: Logger
    private let state: NIOLockedValueBox<Leadership>

    init(
        server: ServerIdentity, database: Database, signals: ChangeSignals, logger: Logger, terms: Leadership.Terms = Leadership.Terms()
    ) {
        self.server = server
        self.database = database
        self.signals = signals
        self.logger = logger
        state = NIOLockedValueBox(Leadership(terms: terms))
    }

    /// The number under which this server leads now; nil while another does, or nobody. It is always 0 where there can be no other.
    var term: Int64? { isAlone ? 0 : state.withLockedValue { $0.term(at: .now) } }

    /// Whether another server is known to lead. While the database is away, nobody is.
    var isFollowing: Bool { !isAlone && state.withLockedValue { $0.isFollowing } }

    private var isAlone: Bool { database.dialect == .sqlite }

    // MARK: For those whose work is the leader's

    /// Runs `body` whenever this server leads, until it returns by itself or the task is cancelled. When leadership ends, `body` is cancelled
    /// and awaited.
    func whileLeading(_ body: @escaping @Sendable () async -> Void) async {
        if isAlone { return await body() }
        while !Task.isCancelled {
            guard let term = await waitFor({ $0 }) else { return }
            let isOver = await withTaskGroup(of: Bool.self) { group in
                group.addTask {
                    await body()
                    return true
                }
                group.addTask {
                    _ = await self.waitFor { $0 == term ? nil : 0 }
                    return false
                }
                let first = await group.next() ?? true
                group.cancelAll()
                return first
            }
            if isOver { return }
        }
    }

    /// Calls `body` whenever another server has come to lead, until the task is cancelled.
    func whenFollowing(_ body: () async -> Void) async {
        while await waitFor({ _ in isFollowing ? true : nil }) != nil {
            await body()
            guard await waitFor({ _ in isFollowing ? nil : true }) != nil else { return }
        }
    }

    /// Waits until `look` finds something in the present term; nil when the task is cancelled.
    private func waitFor<Found>(_ look: (Int64?) -> Found?) async -> Found? {
        let changes = signals.subscribe(Self.name)
        while !Task.isCancelled {
            if let found = look(term) { return found }
            guard (try? await ChangeSignals.next(changes, within: .seconds(60))) != nil else { return nil }
        }
        return nil
    }

    /// Refuses a write of somebody who led when it was begun and does no more. To be called inside the transaction.
    func check(_ term: Int64, in connection: any SQLConnection) throws {
        guard !isAlone else { return }
        guard try LeaseStore.isHeld(Self.name, owner: server.id, term: term, in: connection) else { throw LeadershipLost() }
    }

    /// Refuses what only the leader can answer, and says where it is. To be called where this server does not lead.
    func refusal(_ what: String) async -> CatapultError {
        let url = (try? await database.read { try LeaseStore.url(ofHolder: Self.name, in: $0) }) ?? nil
        return CatapultError(
            status: 421, code: "not_the_leader", type: "MisdirectedRequestError",
            message: "\(what) is only on the server that leads" + (url.map { ", \($0)." } ?? "; none does at this moment."),
            hint: url.map { "Ask there: `mcp --server \($0) …`." } ?? "Try again in a moment.",
            details: url.map { ["leader_url": .string($0)] } ?? [:])
    }

    // MARK: Election

    /// Asks for the lease and prolongs it until the server stops; then gives it back.
    func run() async throws {
        guard !isAlone else { return try await gracefulShutdown() }
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                group.addTask { await self.keepTime() }
                await self.stand()
                group.cancelAll()
            }
        }
        apply { $0.stop() }
        let (id, database) = (server.id, database)
        // In a task of its own: what ended the election must not keep it from saying so.
        _ = try? await Task {
            try await database.write { connection in
                try LeaseStore.release(Self.name, owner: id, in: connection)
                try LeaseStore.retire(id, in: connection)
                try SignalRelay.post([Self.name], from: id, in: connection)
            }
        }.value
    }

    private func stand() async {
        let changes = signals.subscribe(Self.name)
        while !Task.isCancelled {
            let asked = ContinuousClock.now
            let answer = await ask()
            if Task.isCancelled { return }
            apply { $0.hear(answer, asked: asked, now: .now) }
            let pause = state.withLockedValue { $0.pause }
            _ = try? await ChangeSignals.next(changes, within: pause)
        }
    }

    private func ask() async -> Leadership.Answer {
        let terms = state.withLockedValue { $0.terms }
        do {
            return try await database.write { [server] connection in
                try LeaseStore.announce(server, for: terms.lease * 4, in: connection)
                return try LeaseStore.acquire(Self.name, owner: server.id, lease: terms.lease, in: connection)
            }
        } catch {
            if !Task.isCancelled { logger.warning("cannot ask for the lease of the leader", metadata: ["error": "\(error)"]) }
            return .unknown
        }
    }

    /// Ends leadership at its time, also while a question to the database has no answer.
    private func keepTime() async {
        let changes = signals.subscribe(Self.name)
        while !Task.isCancelled {
            let end = state.withLockedValue { $0.end }
            let pause = end.map { max(.milliseconds(1), $0 - .now) } ?? .seconds(60)
            guard (try? await ChangeSignals.next(changes, within: pause)) != nil else { return }
            apply { $0.expire(now: .now) }
        }
    }

    private func apply(_ change: (inout Leadership) -> [Leadership.Change]) {
        let wasFollowing = isFollowing
        let changes = state.withLockedValue { change(&$0) }
        for change in changes {
            switch change {
            case .began(let term): logger.notice("this server leads", metadata: ["term": "\(term)"])
            case .ended(let term): logger.notice("this server leads no more", metadata: ["term": "\(term)"])
            }
        }
        if !changes.isEmpty || wasFollowing != isFollowing { signals.notifyHere(Self.name) }
    }
}

/// Another server leads now; what was to be written is its to decide.
struct LeadershipLost: Error {}
