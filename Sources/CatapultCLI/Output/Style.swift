/// Colours, where a terminal shows them and nobody asked for none (no-color.org).
struct Style: Sendable, Equatable {
    /// What a text says by its colour. Colour only repeats what the words say.
    enum Tint: String, Sendable {
        case good = "32"
        case bad = "31"
        case busy = "33"
        case dim = "2"
        case strong = "1"
    }

    let isColoured: Bool

    init(isColoured: Bool) { self.isColoured = isColoured }

    init(isTerminal: Bool, environment: [String: String], noColor: Bool) {
        isColoured = isTerminal && !noColor && (environment["NO_COLOR"] ?? "").isEmpty && environment["TERM"] != "dumb"
    }

    /// The text in its colour.
    func paint(_ text: String, _ tint: Tint?) -> String {
        guard isColoured, let tint, !text.isEmpty else { return text }
        return "\u{1B}[\(tint.rawValue)m\(text)\u{1B}[0m"
    }
}

extension Style.Tint {
    /// The colour of a state's name, the same for all kinds of things.
    static func state(_ name: String) -> Style.Tint? {
        switch name {
        case "running", "ready", "healthy", "success", "succeeded", "active", "yes": .good
        case "failed", "unhealthy", "cancelled", "backoff", "missing": .bad
        case "pending", "building", "deploying", "starting", "stopping", "draining", "degraded", "deprecated": .busy
        case "stopped", "terminated", "unknown", "archived": .dim
        default: nil
        }
    }
}
