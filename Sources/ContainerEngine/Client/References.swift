/// Names that become part of a request's path: what would lead the request elsewhere is refused before anything is sent.
enum References {
    /// A container's id or name: the engine's own rule for names, `[a-zA-Z0-9][a-zA-Z0-9_.-]*`.
    static func container(_ text: String) throws(ContainerEngineError) -> String {
        guard let first = text.utf8.first, isAlphanumeric(first), text.utf8.count <= 255,
            text.utf8.allSatisfy({ isAlphanumeric($0) || "_.-".utf8.contains($0) })
        else {
            throw .invalidArgument(
                name: "container", reason: "an id or name begins with a letter or digit and holds only letters, digits, '_', '.' and '-'")
        }
        return text
    }

    /// An image's id or reference: characters of the reference grammar, no empty or dotted path component.
    static func image(_ text: String) throws(ContainerEngineError) -> String {
        let components = text.split(separator: "/", omittingEmptySubsequences: false)
        guard !text.isEmpty, text.utf8.count <= 512,
            text.utf8.allSatisfy({ isAlphanumeric($0) || "_.-/:@".utf8.contains($0) }),
            components.allSatisfy({ $0.utf8.first.map { isAlphanumeric($0) } ?? false })
        else {
            throw .invalidArgument(
                name: "image",
                reason: "a reference holds only letters, digits and '_.-/:@', and each of its parts begins with a letter or digit")
        }
        return text
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: false
        }
    }
}
