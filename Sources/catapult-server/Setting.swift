import ArgumentParser
import Glibc

/// Settings from the environment.
enum Setting {
    /// The value of a variable; nil when it is unset or empty.
    static func text(_ name: String) -> String? {
        guard let value = getenv(name) else { return nil }
        let text = String(cString: value)
        return text.isEmpty ? nil : text
    }

    /// The value of a variable in another form; nil when it is unset. A value without that form is a wrong setting, not an absent one.
    static func value<Value>(_ name: String, allowed: String, _ read: (String) -> Value?) throws -> Value? {
        guard let text = text(name) else { return nil }
        guard let value = read(text) else { throw ValidationError("\(name) must be \(allowed), but is '\(text)'.") }
        return value
    }
}
