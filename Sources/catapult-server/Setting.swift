import Glibc

/// Settings from the environment.
enum Setting {
    /// The value of a variable; nil when it is unset or empty.
    static func text(_ name: String) -> String? {
        guard let value = getenv(name) else { return nil }
        let text = String(cString: value)
        return text.isEmpty ? nil : text
    }

    /// The value of a variable as a number; nil when it is unset or is none.
    static func number(_ name: String) -> Int? { text(name).flatMap { Int($0) } }
}
