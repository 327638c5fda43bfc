import NIOCore

/// A ``DrainLedger`` whose waiters are promises with a deadline. Confined to one event loop.
final class DrainWaiters {

    private let eventLoop: any EventLoop
    private var ledger = DrainLedger<EventLoopPromise<Int>>()

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    var count: Int { ledger.count }

    func enter() {
        ledger.enter()
    }

    func leave() {
        for promise in ledger.leave() { promise.succeed(0) }
    }

    /// Succeeds with 0 when nothing is under way, or at the deadline with how much still is.
    func drained(by deadline: NIODeadline) -> EventLoopFuture<Int> {
        let promise = eventLoop.makePromise(of: Int.self)
        guard let ticket = ledger.wait(promise) else {
            promise.succeed(0)
            return promise.futureResult
        }
        let timeout = eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { [weak self] in
            guard let self, let promise = self.ledger.abandon(ticket) else { return }
            promise.succeed(self.ledger.count)
        }
        promise.futureResult.whenComplete { _ in timeout.cancel() }
        return promise.futureResult
    }
}
