import Dispatch

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Where text goes: a terminal, a pipe, or a test's buffer.
struct Sink: Sendable {
    /// Whether a person reads there, so that colours and redrawn lines make sense.
    var isTerminal: Bool
    /// Columns of the terminal; nil where lines may be of any length.
    var width: @Sendable () -> Int?
    /// Writes text at once, unbuffered.
    var write: @Sendable (String) -> Void

    /// Writes a line.
    func line(_ text: String) { write(text + "\n") }

    static let standardOutput = Sink(descriptor: STDOUT_FILENO)
    static let standardError = Sink(descriptor: STDERR_FILENO)

    private init(descriptor: CInt) {
        isTerminal = isatty(descriptor) == 1
        let terminal = isTerminal
        width = {
            var size = winsize()
            guard terminal, ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return terminal ? 80 : nil }
            return Int(size.ws_col)
        }
        write = { text in
            var bytes = Array(text.utf8)[...]
            while !bytes.isEmpty {
                let written = bytes.withUnsafeBytes { systemWrite(descriptor, $0.baseAddress, $0.count) }
                if written >= 0 {
                    bytes = bytes.dropFirst(written)
                } else if errno == EAGAIN {
                    var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    poll(&ready, 1, -1)
                } else if errno != EINTR {
                    // The reader is gone (`mcp model list | head -1`): end as a program that heeds SIGPIPE does.
                    if errno == EPIPE { exit(ToolStatus.readerGone.rawValue) }
                    return
                }
            }
        }
    }

    init(isTerminal: Bool, width: Int?, write: @escaping @Sendable (String) -> Void) {
        self.isTerminal = isTerminal
        self.width = { width }
        self.write = write
    }
}

private func systemWrite(_ descriptor: CInt, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int { write(descriptor, bytes, count) }

/// Where text is read from.
struct Source: Sendable {
    /// Whether a person types there.
    var isTerminal: Bool
    /// All text up to its end, at most so many bytes.
    var readAll: @Sendable (Int) async throws -> String
    /// One line; the second parameter hides what is typed.
    var readLine: @Sendable (_ hidden: Bool) async -> String?

    static let standardInput = Source(
        isTerminal: isatty(STDIN_FILENO) == 1,
        readAll: { limit in try await offPool { try readStandardInput(limit) } },
        readLine: { hidden in await offPool { readTypedLine(hidden: hidden) } }
    )
}

/// Runs a call that blocks until a person types on a thread of its own, so that the pool's threads stay free.
private func offPool<Result: Sendable>(_ work: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        DispatchQueue.global().async { continuation.resume(with: Swift.Result { try work() }) }
    }
}

private func offPool<Result: Sendable>(_ work: @escaping @Sendable () -> Result) async -> Result {
    await withCheckedContinuation { continuation in
        DispatchQueue.global().async { continuation.resume(returning: work()) }
    }
}

private func readStandardInput(_ limit: Int) throws -> String {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while true {
        let count = read(STDIN_FILENO, &buffer, buffer.count)
        if count < 0 && errno == EINTR { continue }
        guard count > 0 else { break }
        bytes.append(contentsOf: buffer[..<count])
        guard bytes.count <= limit else { throw Complaint(.usage, "standard input holds more than \(limit) bytes") }
    }
    return String(decoding: bytes, as: UTF8.self)
}

private func readTypedLine(hidden: Bool) -> String? {
    var before = termios()
    let restores = hidden && tcgetattr(STDIN_FILENO, &before) == 0
    if restores {
        var silent = before
        silent.c_lflag &= ~tcflag_t(ECHO)
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent)
    }
    defer { if restores { tcsetattr(STDIN_FILENO, TCSAFLUSH, &before) } }
    return readLine(strippingNewline: true)
}
