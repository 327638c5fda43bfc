import Foundation
import Synchronization

/// Listens to notifications over a connection of its own, on a thread of its own, and hands them to a hub.
final class PostgreSQLListener: Sendable {
    private let thread: ListenerThread
    private let isStarted = Mutex(false)

    init(url: PostgreSQLURL, library: LibPQ, hub: NotificationHub) {
        thread = ListenerThread(url: url, library: library, hub: hub)
    }

    deinit {
        close()
    }

    /// Listens to a channel as well, and lets `queue` hear `resumed` when it does. The first call starts the thread.
    func listen(to channel: String, for queue: NotificationQueue) {
        thread.add(channel, queue)
        let starts = isStarted.withLock { isStarted in
            defer { isStarted = true }
            return !isStarted
        }
        if starts { Thread.detachNewThread { [thread] in thread.run() } }
    }

    /// Ends the thread, without waiting for it.
    func close() { thread.close() }
}

/// Sleeps until the server says something, there is a new channel, or the end has come.
private final class ListenerThread: Sendable {
    /// Milliseconds before the next attempt to reach a server that does not answer.
    private static let pauses: [Int32] = [50, 100, 200, 400, 800, 1000]

    private struct State {
        var newcomers: [(channel: String, queue: NotificationQueue)] = []
        var isClosed = false
    }

    private let url: PostgreSQLURL
    private let library: LibPQ
    private let hub: NotificationHub
    private let state = Mutex(State())
    private let alarm = Alarm()

    init(url: PostgreSQLURL, library: LibPQ, hub: NotificationHub) {
        self.url = url
        self.library = library
        self.hub = hub
    }

    func add(_ channel: String, _ queue: NotificationQueue) {
        state.withLock { $0.newcomers.append((channel, queue)) }
        alarm.ring()
    }

    func close() {
        state.withLock { $0.isClosed = true }
        alarm.ring()
    }

    func run() {
        var failures = 0
        while !state.withLock({ $0.isClosed }) {
            if let connection = try? PostgreSQLSession.open(url, library) {
                _ = library.setNoticeProcessor(connection, { _, _ in }, nil)
                if serve(connection) { failures = 0 }
                library.finish(connection)
            }
            let pause = Self.pauses[min(failures, Self.pauses.count - 1)]
            // Up to a quarter less, so that many servers do not come back in step.
            alarm.wait(for: nil, milliseconds: pause - .random(in: 0...pause / 4))
            failures += 1
        }
    }

    /// Delivers until the connection breaks or the end has come; false if the connection was of no use at all.
    private func serve(_ connection: OpaquePointer) -> Bool {
        var heard: Set<String> = []
        while true {
            let (newcomers, isClosed) = state.withLock { state in
                defer { state.newcomers = [] }
                return (state.newcomers, state.isClosed)
            }
            if isClosed { return true }
            let added = hub.channels.union(newcomers.map(\.channel)).subtracting(heard)
            for channel in added {
                guard run("LISTEN \"\(channel.replacing("\"", with: "\"\""))\"", connection) else { return !heard.isEmpty }
            }
            heard.formUnion(added)
            for channel in added { hub.post(.resumed, to: channel) }
            for newcomer in newcomers where !added.contains(newcomer.channel) { newcomer.queue.add(.resumed) }
            guard library.consumeInput(connection) == 1 else { return true }
            deliver(connection)
            alarm.wait(for: library.socket(connection), milliseconds: -1)
        }
    }

    private func deliver(_ connection: OpaquePointer) {
        while let notification = library.nextNotification(connection) {
            defer { library.freeMemory(notification) }
            // struct pgNotify: char *relname; int be_pid; char *extra; …
            let channel = notification.load(as: LibPQ.Text?.self)
            let payload = notification.load(fromByteOffset: 2 * MemoryLayout<LibPQ.Text>.stride, as: LibPQ.Text?.self)
            guard let channel, let payload else { continue }
            hub.post(.payload(String(cString: payload)), to: String(cString: channel))
        }
    }

    private func run(_ sql: String, _ connection: OpaquePointer) -> Bool {
        guard library.sendQuery(connection, sql, 0, nil, nil, nil, nil, 1) == 1 else { return false }
        var succeeded = false
        while let result = library.nextResult(connection) {
            succeeded = LibPQ.ResultStatus(rawValue: library.resultStatus(result)) == .commandOK
            library.clear(result)
        }
        return succeeded
    }
}

/// A pipe that ends a thread's sleep.
private final class Alarm: Sendable {
    private let reading: Int32
    private let writing: Int32

    init() {
        var ends: [Int32] = [-1, -1]
        // Without descriptors to spare the alarm cannot ring; poll passes over the negative one, and a pause still ends by its time.
        _ = pipe(&ends)
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        (reading, writing) = (ends[0], ends[1])
    }

    deinit {
        for end in [reading, writing] where end >= 0 { close(end) }
    }

    func ring() {
        var byte: UInt8 = 0
        // A full pipe rings already.
        _ = write(writing, &byte, 1)
    }

    /// Sleeps until the alarm rings, `descriptor` has something to read, or the time is over (-1: never).
    func wait(for descriptor: Int32?, milliseconds: Int32) {
        var descriptors = [pollfd(fd: reading, events: Int16(POLLIN), revents: 0)]
        if let descriptor { descriptors.append(pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)) }
        _ = poll(&descriptors, nfds_t(descriptors.count), milliseconds)
        var bytes = [UInt8](repeating: 0, count: 64)
        while read(reading, &bytes, bytes.count) > 0 {}
    }
}
