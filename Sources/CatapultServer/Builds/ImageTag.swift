import CatapultAPI

/// The name of the image that a build makes.
enum ImageTag {
    /// The longest name of repository and tag together; a tag alone has at most 128 characters (distribution/reference grammar).
    private static let maximumTag = 128

    /// What a version's image is called by itself: `<model>:<version>[-<quantization>]`, in characters that an image's name may have.
    static func standard(model: String, version: String, quantization: String?) -> String {
        let parts = model.lowercased().split(separator: "/").map { component(String($0)) }.filter { !$0.isEmpty }
        let repository = String(parts.joined(separator: "/").prefix(120)).trimming { !isAlphanumeric($0) }
        let text = [version, quantization ?? ""].filter { !$0.isEmpty }.joined(separator: "-")
        let tag = String(String.UnicodeScalarView(text.unicodeScalars.map { isTagScalar($0) ? $0 : "-" }).prefix(maximumTag))
        return "\(repository.isEmpty ? "model" : repository):\(tag)"
    }

    /// A path component of a repository: runs of lower-case letters and digits, parted by one of `.`, `_`, `__` or hyphens.
    private static func component(_ text: String) -> String {
        var result = ""
        var separator: Character?
        for character in text {
            if isAlphanumeric(character) {
                if let separator, !result.isEmpty { result.append(separator) }
                separator = nil
                result.append(character)
            } else {
                // Two different separators in a row are not allowed; the first one stands for all.
                separator = separator ?? (character == "." || character == "_" ? character : "-")
            }
        }
        return result
    }

    /// The tag that a client gave.
    ///
    /// - Throws: 400 InvalidImageTagError with `tag` and `reason`.
    static func check(_ tag: String) throws(CatapultError) {
        guard let reason = problem(tag) else { return }
        throw .invalid(
            "InvalidImageTagError", field: "image_tag", "The image tag \(tag.prefix(300)) is not allowed: \(reason)",
            hint: "It must be \(TextRule.imageTag.words); leave it out to have it named after model and version.",
            details: ["tag": .string(tag), "reason": .string(reason)])
    }

    private static func problem(_ text: String) -> String? {
        guard text.unicodeScalars.count <= TextRule.imageTag.maximumLength else {
            return "it has more than \(TextRule.imageTag.maximumLength) characters"
        }
        guard !text.contains("@") else { return "it has a digest, which only the result of a build has" }
        let slash = text.lastIndex(of: "/").map { text.index(after: $0) } ?? text.startIndex
        guard let colon = text[slash...].lastIndex(of: ":") else { return "it has no colon with a tag behind it" }
        let tag = text[text.index(after: colon)...]
        guard tag.unicodeScalars.count <= maximumTag else { return "what follows the colon has more than \(maximumTag) characters" }
        guard text[slash..<colon] == text[slash..<colon].lowercased()[...] else { return "the repository has upper-case letters" }
        guard TextRule.imageTag.matches(text), isReference(text) else {
            return "it has characters, or an order of them, that image names do not have"
        }
        return nil
    }

    /// Whether a text names an image: `[host[:port]/]path[:tag][@digest]` (distribution/reference grammar).
    static func isReference(_ text: String) -> Bool {
        let component = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*"
        let host = "[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]+)?/"
        let tag = "[A-Za-z0-9_][A-Za-z0-9._-]{0,127}"
        let digest = "[A-Za-z][A-Za-z0-9]*(?:[+._-][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
        guard text.utf8.count <= 512,
            let expression = try? Regex("^(?:\(host))?\(component)(?:/\(component))*(?::\(tag))?(?:@\(digest))?$")
        else { return false }
        return text.wholeMatch(of: expression) != nil
    }

    private static func isAlphanumeric(_ character: Character) -> Bool {
        character.isASCII && (character.isLowercase || character.isNumber)
    }

    private static func isTagScalar(_ scalar: Unicode.Scalar) -> Bool {
        scalar.isASCII
            && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) || scalar == "." || scalar == "_" || scalar == "-")
    }
}

extension String {
    fileprivate func trimming(_ isUnwanted: (Character) -> Bool) -> String {
        let start = drop(while: isUnwanted)
        guard let last = start.lastIndex(where: { !isUnwanted($0) }) else { return "" }
        return String(start[...last])
    }
}
