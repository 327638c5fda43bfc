import NIOCore

/// Keeps a number of connections busy: each sends its next request as soon as it is free.
struct ClosedLoopDriver: LoadDriver {
    /// The pause after the first of a series of failed connects; it doubles up to ``longestPause``, so that a dead server is not hammered.
    static let firstPause = TimeAmount.milliseconds(10)
    static let longestPause = TimeAmount.seconds(1)

    private let course: SharedCourse
    private var slots: Int
    private var pause = Self.firstPause

    init(connections: Int, course: SharedCourse) {
        slots = connections
        self.course = course
    }

    var isFinished: Bool { slots == 0 }
    var scheduleLag: LatencyHistogram? { nil }
    var peakBacklog: Int { 0 }

    mutating func start(at now: NIODeadline) -> [DriverAction] {
        Array(repeating: .connect(after: .zero), count: slots)
    }

    mutating func connected(_ connection: Int, at now: NIODeadline) -> [DriverAction] {
        pause = Self.firstPause
        return sendNext(on: connection, at: now)
    }

    mutating func connectFailed(_ detail: String, at now: NIODeadline) -> [DriverAction] {
        guard let ticket = nextTicket(at: now) else {
            slots -= 1
            return []
        }
        defer { pause = min(pause * 2, Self.longestPause) }
        return [.fail(ticket, .connect, detail: detail), .connect(after: pause)]
    }

    mutating func released(_ connection: Int, at now: NIODeadline) -> [DriverAction] {
        sendNext(on: connection, at: now)
    }

    mutating func closed(_ connection: Int, at now: NIODeadline) -> [DriverAction] {
        guard !course.isOver(at: now) else {
            slots -= 1
            return []
        }
        return [.connect(after: .zero)]
    }

    mutating func woken(at now: NIODeadline) -> [DriverAction] { [] }

    mutating func abandon() -> [Ticket] {
        slots = 0
        return []
    }

    private func sendNext(on connection: Int, at now: NIODeadline) -> [DriverAction] {
        guard let ticket = nextTicket(at: now) else { return [.close(connection)] }
        return [.send(ticket, on: connection)]
    }

    private func nextTicket(at now: NIODeadline) -> Ticket? {
        switch course.admit(at: now) {
        case .over: nil
        case .warmUp: Ticket(due: now, isCounted: false)
        case .counted: Ticket(due: now, isCounted: true)
        }
    }
}
