import NIOCore

/// A ``LazyDeadline`` on an event loop. Confined to that loop.
final class RearmableTimer {
    private let eventLoop: NIOIsolatedEventLoop
    private let onExpiry: () -> Void
    private var state = LazyDeadline()
    private var task: Scheduled<Void>?

    /// `onExpiry` must not keep the owner of the timer alive.
    init(eventLoop: NIOIsolatedEventLoop, onExpiry: @escaping () -> Void) {
        self.eventLoop = eventLoop
        self.onExpiry = onExpiry
    }

    /// Sets or moves the deadline; nil clears it.
    func set(_ deadline: NIODeadline?) {
        if let wakeUp = state.move(to: deadline) { schedule(wakeUp) }
    }

    func invalidate() {
        task?.cancel()
        task = nil
        state = LazyDeadline()
    }

    private func schedule(_ deadline: NIODeadline) {
        task?.cancel()
        task = eventLoop.scheduleTask(deadline: deadline) { [weak self] in self?.wokeUp() }
    }

    private func wokeUp() {
        task = nil
        switch state.wokeUp(at: .now()) {
        case .expired: onExpiry()
        case .wakeAgain(let deadline): schedule(deadline)
        case .nothing: break
        }
    }

    deinit {
        task?.cancel()
    }
}
