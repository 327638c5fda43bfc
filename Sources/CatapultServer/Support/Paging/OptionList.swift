import HTTPTypes

/// What a picker lists: a bare array, as earlier clients know it. A header says where there is more.
struct OptionList<Option: Sendable>: Sendable {
    let options: [Option]
    let isCut: Bool

    /// The options of a query that asked for one more than are wanted.
    init(_ found: [Option], limit: Int) {
        options = Array(found.prefix(limit))
        isCut = found.count > limit
    }

    /// The answer with its header fields.
    var answer: ([Option], HTTPFields) { (options, isCut ? [.truncated: "true"] : [:]) }
}
