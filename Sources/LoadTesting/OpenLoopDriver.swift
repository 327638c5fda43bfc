import NIOCore

/// Takes up requests when they are due, whatever the server does, and opens connections as they are needed up to a limit. What finds no
/// connection waits here, its latency running.
struct OpenLoopDriver: LoadDriver {
    private let course: SharedCourse
    private let origin: NIODeadline
    private let timeout: TimeAmount
    private let maximumConnections: Int
    private var schedule: ArrivalSchedule
    private var next: NIODeadline?
    private var idle: [Int] = []
    private var open = 0
    private var connecting = 0
    private var waiting = CircularBuffer<Ticket>()
    private var lag = LatencyHistogram()
    private(set) var peakBacklog = 0

    init(schedule: ArrivalSchedule, origin: NIODeadline, maximumConnections: Int, timeout: TimeAmount, course: SharedCourse) {
        self.schedule = schedule
        self.origin = origin
        self.maximumConnections = maximumConnections
        self.timeout = timeout
        self.course = course
        advance()
    }

    var isFinished: Bool { next == nil && waiting.isEmpty && open == 0 && connecting == 0 }
    var scheduleLag: LatencyHistogram? { lag }

    mutating func start(at now: NIODeadline) -> [DriverAction] { wake() }

    mutating func woken(at now: NIODeadline) -> [DriverAction] {
        var actions = dropOverdue(at: now)
        while let due = next, due <= now {
            switch course.admit(at: due) {
            case .over:
                next = nil
                return actions + closeIdle()
            case .warmUp:
                take(Ticket(due: due, isCounted: false), at: now, into: &actions)
            case .counted:
                lag.record(nanoseconds: (now - due).nanoseconds)
                take(Ticket(due: due, isCounted: true), at: now, into: &actions)
            }
            advance()
        }
        if course.isOver(at: now) {
            next = nil
            return actions + closeIdle()
        }
        return actions + wake()
    }

    mutating func connected(_ connection: Int, at now: NIODeadline) -> [DriverAction] {
        connecting -= 1
        open += 1
        return use(connection, at: now)
    }

    mutating func connectFailed(_ detail: String, at now: NIODeadline) -> [DriverAction] {
        connecting -= 1
        guard let ticket = waiting.popFirst() else { return [] }
        return [.fail(ticket, .connect, detail: detail)] + connectAsNeeded()
    }

    mutating func released(_ connection: Int, at now: NIODeadline) -> [DriverAction] {
        use(connection, at: now)
    }

    mutating func closed(_ connection: Int, at now: NIODeadline) -> [DriverAction] {
        open -= 1
        idle.removeAll { $0 == connection }
        return connectAsNeeded()
    }

    mutating func abandon() -> [Ticket] {
        next = nil
        open = 0
        connecting = 0
        idle = []
        defer { waiting.removeAll() }
        return Array(waiting)
    }

    private mutating func advance() {
        next = schedule.next().map { origin + $0 }
    }

    /// Wakes for the next arrival, or for the end of the course where that comes first.
    private func wake() -> [DriverAction] {
        guard let next else { return [] }
        return [.wake(course.snapshot.windowEnd.map { min($0, next) } ?? next)]
    }

    private mutating func take(_ ticket: Ticket, at now: NIODeadline, into actions: inout [DriverAction]) {
        // The most recently used connection first: the others may then close for idleness.
        if let connection = idle.popLast() {
            actions.append(.send(ticket, on: connection))
        } else {
            waiting.append(ticket)
            peakBacklog = max(peakBacklog, waiting.count)
            actions += connectAsNeeded()
        }
    }

    private mutating func use(_ connection: Int, at now: NIODeadline) -> [DriverAction] {
        let actions = dropOverdue(at: now)
        if let ticket = waiting.popFirst() { return actions + [.send(ticket, on: connection)] }
        guard next != nil else { return actions + [.close(connection)] }
        idle.append(connection)
        return actions
    }

    /// What has waited for the whole time-out would only be late.
    private mutating func dropOverdue(at now: NIODeadline) -> [DriverAction] {
        var actions: [DriverAction] = []
        while let ticket = waiting.first, ticket.due + timeout <= now {
            waiting.removeFirst()
            actions.append(.fail(ticket, .timeout, detail: "no connection was free within \(Duration(timeout))"))
        }
        return actions
    }

    private mutating func connectAsNeeded() -> [DriverAction] {
        let missing = min(waiting.count - connecting, maximumConnections - open - connecting)
        guard missing > 0 else { return [] }
        connecting += missing
        return Array(repeating: .connect(after: .zero), count: missing)
    }

    private mutating func closeIdle() -> [DriverAction] {
        defer { idle = [] }
        return idle.map { .close($0) }
    }
}
