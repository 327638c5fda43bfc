import Synchronization

/// Shows progress on standard error: one line that is redrawn on a terminal, a plain line per step elsewhere, nothing with `--quiet`.
final class ProgressLine: Sendable {
    private struct State {
        var drawn = false
        var lastDraw: ContinuousClock.Instant?
        var lastStep: String?
    }

    /// Redrawing more often than this is not seen, and costs.
    private static let pause = Duration.milliseconds(80)

    private let sink: Sink
    private let style: Style
    private let isQuiet: Bool
    private let state = Mutex(State())

    init(_ session: Session) {
        sink = session.surroundings.errors
        style = session.output.noteStyle
        isQuiet = session.output.isQuiet
    }

    /// Shows how things stand.
    ///
    /// - Parameters:
    ///   - bar: what to draw on a terminal.
    ///   - step: what to write elsewhere, once for each new text; nil writes nothing.
    func show(_ bar: ProgressBar, step: String? = nil) {
        guard !isQuiet else { return }
        state.withLock { state in
            guard sink.isTerminal else {
                if let step, step != state.lastStep { sink.line(SafeText.line(step)) }
                state.lastStep = step ?? state.lastStep
                return
            }
            let now = ContinuousClock.now
            if let last = state.lastDraw, last.duration(to: now) < Self.pause, step == state.lastStep { return }
            state.lastDraw = now
            state.lastStep = step
            state.drawn = true
            sink.write("\r\u{1B}[K" + bar.text(width: (sink.width() ?? 80) - 1, style: style))
        }
    }

    /// Takes the line away, so that other text can follow.
    func clear() {
        state.withLock { state in
            if state.drawn { sink.write("\r\u{1B}[K") }
            state.drawn = false
            state.lastDraw = nil
        }
    }
}
