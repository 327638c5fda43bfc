import NIOCore

/// What a driver wants done.
enum DriverAction: Hashable, Sendable {
    /// Open a connection, after a pause.
    case connect(after: TimeAmount)
    /// Send a request on an idle connection.
    case send(Ticket, on: Int)
    /// This request will never be sent.
    case fail(Ticket, LoadTest.Failure, detail: String)
    /// Close an idle connection.
    case close(Int)
    /// Call ``LoadDriver/woken(at:)`` at this time.
    case wake(NIODeadline)
}

/// Decides when a request is sent and on which of an event loop's connections. A pure value: events in, actions out.
///
/// Connections are known by number. One that ends a request is either `released`, to be used again, or later `closed`.
protocol LoadDriver: Sendable {
    /// Begins.
    mutating func start(at now: NIODeadline) -> [DriverAction]
    /// A connection that was asked for is open and idle.
    mutating func connected(_ connection: Int, at now: NIODeadline) -> [DriverAction]
    /// A connection that was asked for did not come about.
    mutating func connectFailed(_ detail: String, at now: NIODeadline) -> [DriverAction]
    /// A connection is idle again.
    mutating func released(_ connection: Int, at now: NIODeadline) -> [DriverAction]
    /// A connection is gone.
    mutating func closed(_ connection: Int, at now: NIODeadline) -> [DriverAction]
    /// The time asked for with ``DriverAction/wake(_:)`` has come.
    mutating func woken(at now: NIODeadline) -> [DriverAction]
    /// Gives up at once; returns the requests that are due but not sent.
    mutating func abandon() -> [Ticket]

    /// Whether nothing is under way, and nothing more will be sent.
    var isFinished: Bool { get }
    /// How late requests that count were taken up; nil where the driver follows no schedule.
    var scheduleLag: LatencyHistogram? { get }
    /// The most requests that waited for a connection at one time.
    var peakBacklog: Int { get }
}
