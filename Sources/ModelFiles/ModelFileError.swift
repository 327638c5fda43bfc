/// Why a file could not be read as what it claims to be.
public struct ModelFileError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What kind of trouble.
    public enum Kind: String, Sendable {
        /// The operating system refused to open or read it.
        case unreadable
        /// It is a file of another format.
        case otherFormat
        /// It ends before the format says so.
        case truncated
        /// Its bytes contradict the format.
        case malformed
        /// A length or number in it is beyond what this reader takes.
        case beyondLimit
    }

    public var kind: Kind
    /// Byte offset at which reading stopped; 0 where none is known.
    public var offset: Int64
    /// What was found and what was expected, in words.
    public var reason: String

    /// An error at an offset.
    public init(_ kind: Kind, at offset: Int64 = 0, _ reason: String) {
        self.kind = kind
        self.offset = offset
        self.reason = reason
    }

    public var description: String { offset > 0 ? "\(reason) (at byte \(offset))" : reason }
}
