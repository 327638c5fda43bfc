/// Why a backup or a restore was not made: what is wrong, the next step, and what it means to a script.
public struct BackupFailure: Error, CustomStringConvertible, Sendable, Equatable {
    /// What it means to a script.
    public enum Meaning: Sendable {
        /// A file or a database is not there.
        case notFound
        /// It does not fit what there is.
        case conflict
        /// A program or a database cannot be used now.
        case unavailable
        /// Something else.
        case failure
    }

    /// What it means to a script.
    public let meaning: Meaning
    /// One sentence.
    public let description: String
    /// The next step.
    public let hint: String?

    init(_ meaning: Meaning, _ description: String, hint: String? = nil) {
        self.meaning = meaning
        self.description = description
        self.hint = hint
    }
}
