import CatapultAPI
import ContainerEngine
import Logging
import NIOConcurrencyHelpers
import SQLDatabase
import ServiceLifecycle

/// Keeps every local deployment as it is wished: a reconciler each, woken by clients, by the engine's events and by the clock.
///
/// When the server stops, containers run on; the next start finds them by their labels and goes on with them. Of several servers on one
/// database the one that leads does all this; when it is gone the next leader finds the containers the same way.
final class DeploymentController: Service {
    /// Signalled when there is a new deployment.
    static let arrivals = "deployments"

    /// Signalled when the controller has written how a deployment stands.
    static func stateName(_ id: String) -> String { "deployment-state:\(id)" }

    /// The events that change what a reconciler decides; others, such as those of commands run in containers, are noise.
    private static let eventActions = ["start", "die", "oom", "destroy"]
    /// Pauses between attempts to reach an engine that is away.
    private static let pauses: [Duration] = [.milliseconds(100), .milliseconds(500), .seconds(1), .seconds(2), .seconds(5)]

    private let parts: ControllerParts
    /// The number under which this server led last.
    private let lastTerm = NIOLockedValueBox<Int64?>(nil)
    private let mailboxes = NIOLockedValueBox<[String: Mailbox]>([:])

    init(parts: ControllerParts) { self.parts = parts }

    /// Works until the server stops.
    func run() async throws {
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                group.addTask { await self.parts.leader.whileLeading { await self.control() } }
                // While nobody is known to lead, as when the database is away, the endpoints go on with the replicas that they know.
                group.addTask { await self.parts.leader.whenFollowing { await self.parts.gateway.withdraw() } }
            }
        }
    }

    private func control() async {
        let term = parts.leader.term
        let earlier = lastTerm.withLockedValue { last in
            defer { last = term }
            return last
        }
        // Another server has led meanwhile, and may have ended what the endpoints know.
        if let earlier, earlier != term { await parts.gateway.withdraw() }
        await withDiscardingTaskGroup { group in
            group.addTask { await self.watchEngine() }
            let arrivals = self.parts.signals.subscribe(Self.arrivals)
            while !Task.isCancelled {
                do {
                    try await self.startReconcilers(&group)
                    _ = try await ChangeSignals.next(arrivals, within: .seconds(300))
                } catch is CancellationError {
                    return
                } catch {
                    self.parts.logger.error("cannot list deployments", metadata: ["error": "\(error)"])
                    try? await Task.sleep(for: .seconds(1))
                }
            }
        }
        // Another server serves the endpoints now; where it runs on this host it needs their ports.
        if parts.leader.isFollowing { await parts.gateway.withdraw() }
    }

    private func startReconcilers(_ group: inout DiscardingTaskGroup) async throws {
        for id in try await parts.database.read({ try DeploymentStore.localIDs(in: $0) }) {
            let mailbox: Mailbox? = mailboxes.withLockedValue { mailboxes in
                guard mailboxes[id] == nil else { return nil }
                let mailbox = Mailbox()
                mailboxes[id] = mailbox
                return mailbox
            }
            guard let mailbox else { continue }
            group.addTask {
                do {
                    if var reconciler = try await DeploymentReconciler(id, parts: self.parts, mailbox: mailbox) { await reconciler.run() }
                } catch {
                    self.parts.logger.error("cannot begin with a deployment", metadata: ["deployment": "\(id)", "error": "\(error)"])
                }
                self.mailboxes.withLockedValue { $0[id] = nil }
            }
        }
    }

    // MARK: Engine

    /// One subscription to the engine's events for all deployments, begun anew whenever it breaks.
    private func watchEngine() async {
        var failures = 0
        while !Task.isCancelled {
            do {
                let filter = EventFilter(subjects: [.container], labels: ContainerLabel.ours(parts.instance), actions: Self.eventActions)
                let events = try await parts.engine.events(filter)
                if failures > 0 { parts.logger.notice("the container engine is back") }
                failures = 0
                // What happened before the subscription is found by looking.
                mailboxes.withLockedValue { $0.values.forEach { $0.post(.engineBack) } }
                try await removeStrays()
                for try await event in events {
                    guard let id = event.attributes[ContainerLabel.deployment] else { continue }
                    mailboxes.withLockedValue { $0[id] }?.post(.containerChanged(event.id))
                }
            } catch {
                if Task.isCancelled { return }
                if failures == 0 { parts.logger.warning("the container engine is away", metadata: ["error": "\(error)"]) }
            }
            try? await Task.sleep(for: Self.pauses[min(failures, Self.pauses.count - 1)])
            failures += 1
        }
    }

    /// Removes containers of ours whose deployment does not exist.
    private func removeStrays() async throws {
        let present = try await parts.engine.containers.list(labels: ContainerLabel.ours(parts.instance))
        let known = Set(try await parts.database.read { try DeploymentStore.localIDs(in: $0) })
        for container in present {
            guard let id = container.labels[ContainerLabel.deployment], !known.contains(id) else { continue }
            parts.logger.notice("container of a deployment that does not exist is removed", metadata: ["container": "\(container.names)"])
            try? await parts.engine.containers.remove(container.id, force: true, volumes: true)
        }
    }
}
