import Dispatch

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Ctrl-C: the first cancels the command, which may say how things stand; the second ends the process.
enum Interrupts {
    /// Runs work that SIGINT and SIGTERM cancel. For the process as a whole, hence once.
    static func heeding<Result: Sendable>(_ work: @escaping @Sendable () async -> Result) async -> Result {
        let task = Task { await work() }
        let sources = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                if task.isCancelled { exit(ToolStatus.interrupted.rawValue) }
                task.cancel()
            }
            source.resume()
            return source
        }
        defer { sources.forEach { $0.cancel() } }
        return await task.value
    }
}
