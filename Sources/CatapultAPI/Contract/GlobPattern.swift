/// A pattern of names in which `*` stands for any run of characters, none included; everything else stands for itself.
///
/// `*` runs across `/` as well: `org/*` means all of `org`, however deep. There is no other wildcard, and no escape, since names hold no `*`.
/// Case counts.
public struct GlobPattern: Sendable, Hashable {
    /// The text between the wildcards: always one more than there are wildcards, and none of two wildcards in a row.
    public let pieces: [String]

    /// The pattern of a text.
    public init(_ text: String) {
        let pieces = text.split(separator: "*", omittingEmptySubsequences: false).map(String.init)
        self.pieces = pieces.enumerated().filter { index, piece in index == 0 || index == pieces.count - 1 || !piece.isEmpty }.map(
            \.element)
    }

    /// True where the pattern means the whole of the name. Takes time in proportion to the lengths, whatever the pattern.
    public func matches(_ name: String) -> Bool {
        let name = Array(name.utf8)
        guard let first = pieces.first, let last = pieces.last, pieces.count > 1 else { return name == Array((pieces.first ?? "").utf8) }
        let (head, tail) = (Array(first.utf8), Array(last.utf8))
        guard name.count >= head.count + tail.count, name.starts(with: head), name.suffix(tail.count).elementsEqual(tail) else {
            return false
        }
        var rest = name[head.count..<(name.count - tail.count)]
        // The first place of each piece leaves the most room for those that follow.
        for piece in pieces.dropFirst().dropLast() {
            guard let place = rest.firstRange(of: Array(piece.utf8)) else { return false }
            rest = rest[place.upperBound...]
        }
        return true
    }
}
