import NIOCore

/// Who is told when a ``RearmableTimer`` expires.
protocol RearmableTimerOwner: AnyObject {
    func timerExpired()
}

/// A ``LazyDeadline`` on an event loop. Confined to that loop.
///
/// A scheduled wake-up keeps the owner alive, so an owner that ends early calls ``invalidate()``. References are strong on purpose: a weak one to
/// an object makes each later retain of that object slow, and the owners are what every request touches most.
final class RearmableTimer {
    private let eventLoop: NIOIsolatedEventLoop
    private var state = LazyDeadline()
    private var task: Scheduled<Void>?

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop.assumeIsolated()
    }

    /// Sets or moves the deadline; nil clears it.
    func set(_ deadline: NIODeadline?, for owner: some RearmableTimerOwner) {
        if let wakeUp = state.move(to: deadline) { schedule(wakeUp, for: owner) }
    }

    func invalidate() {
        task?.cancel()
        task = nil
        state = LazyDeadline()
    }

    private func schedule(_ deadline: NIODeadline, for owner: some RearmableTimerOwner) {
        task?.cancel()
        task = eventLoop.scheduleTask(deadline: deadline) { self.wokeUp(for: owner) }
    }

    private func wokeUp(for owner: some RearmableTimerOwner) {
        task = nil
        switch state.wokeUp(at: .now()) {
        case .expired: owner.timerExpired()
        case .wakeAgain(let deadline): schedule(deadline, for: owner)
        case .nothing: break
        }
    }
}
