extension LoadTest {
    /// A plan that cannot be run: which field, what it held, and what it may hold.
    public struct PlanError: Error, Hashable, Sendable, CustomStringConvertible {
        /// The field of ``Plan`` (or `url`), for instance `concurrency`.
        public let field: String
        /// What the field held. Never a header's value, which may be a secret.
        public let value: String
        /// What the field may hold, in words.
        public let allowed: String

        /// Makes an error.
        public init(field: String, value: String, allowed: String) {
            self.field = field
            self.value = value
            self.allowed = allowed
        }

        /// One line for people.
        public var description: String { "\(field) is \(value); allowed: \(allowed)" }
    }
}
