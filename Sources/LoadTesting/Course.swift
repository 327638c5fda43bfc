import NIOCore
import Synchronization

/// Decides for each request whether it is warm-up, counts, or comes too late. One course serves all event loops of a run.
struct Course: Sendable {
    enum Admission: Hashable, Sendable { case warmUp, counted, over }

    private let warmUp: LoadTest.WarmUp
    private let stop: LoadTest.Stop
    private var origin: NIODeadline?
    private var admitted = 0
    private(set) var counted = 0
    /// When the first request that counts was due.
    private(set) var windowStart: NIODeadline?

    init(warmUp: LoadTest.WarmUp, stop: LoadTest.Stop) {
        self.warmUp = warmUp
        self.stop = stop
    }

    /// When counting ends; nil before it began, and where a number of requests ends it.
    var windowEnd: NIODeadline? {
        guard case .duration(let duration) = stop, let windowStart else { return nil }
        return windowStart + TimeAmount(duration)
    }

    /// Asks to send a request that is due at a time.
    mutating func admit(at due: NIODeadline) -> Admission {
        guard !isOver(at: due) else { return .over }
        if origin == nil { origin = due }
        guard isWarm(at: due) else {
            admitted += 1
            return .warmUp
        }
        if windowStart == nil { windowStart = due }
        admitted += 1
        counted += 1
        return .counted
    }

    /// Whether a request due at this time would come too late.
    func isOver(at due: NIODeadline) -> Bool {
        switch stop {
        case .duration: windowEnd.map { due >= $0 } ?? false
        case .requests(let count): counted >= count
        }
    }

    private func isWarm(at due: NIODeadline) -> Bool {
        switch warmUp {
        case .none: true
        case .requests(let count): admitted >= count
        case .duration(let duration): origin.map { due >= $0 + TimeAmount(duration) } ?? false
        }
    }
}

/// The course of a run, shared by its event loops.
final class SharedCourse: Sendable {
    private let state: Mutex<Course>

    init(_ course: Course) {
        state = Mutex(course)
    }

    func admit(at due: NIODeadline) -> Course.Admission { state.withLock { $0.admit(at: due) } }
    func isOver(at due: NIODeadline) -> Bool { state.withLock { $0.isOver(at: due) } }
    var snapshot: Course { state.withLock { $0 } }
}

/// A request that may be sent.
struct Ticket: Hashable, Sendable {
    /// When it should be sent: its latency counts from here.
    var due: NIODeadline
    /// Whether it counts, or is warm-up.
    var isCounted: Bool
}
