#if canImport(Darwin)
import Darwin
#elseif canImport(Musl)
import Musl
#else
import Glibc
#endif

/// Processor time used so far, as the kernel counts it.
enum CPUTime {
    /// Of all threads of this process.
    static var process: Duration { read(CLOCK_PROCESS_CPUTIME_ID) }
    /// Of the calling thread.
    static var thread: Duration { read(CLOCK_THREAD_CPUTIME_ID) }

    private static func read(_ clock: clockid_t) -> Duration {
        var time = timespec()
        // It fails only for a clock that does not exist; POSIX has both.
        guard clock_gettime(clock, &time) == 0 else { return .zero }
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }
}
