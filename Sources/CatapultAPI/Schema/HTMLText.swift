/// A growing piece of HTML. Text gets in escaped; only `markup` takes what we wrote ourselves.
final class HTMLText {
    private(set) var output = ""

    /// Markup of our own.
    @discardableResult
    func markup(_ markup: String) -> HTMLText {
        output += markup
        return self
    }

    /// Text, for content and for quoted attributes.
    @discardableResult
    func text(_ text: String) -> HTMLText {
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": output += "&amp;"
            case "<": output += "&lt;"
            case ">": output += "&gt;"
            case "\"": output += "&quot;"
            case "'": output += "&#39;"
            default: output.unicodeScalars.append(scalar)
            }
        }
        return self
    }

    /// Text in which `backticks` mark code.
    @discardableResult
    func prose(_ prose: String) -> HTMLText {
        for (index, part) in prose.split(separator: "`", omittingEmptySubsequences: false).enumerated() {
            if index.isMultiple(of: 2) {
                text(String(part))
            } else {
                markup("<code>").text(String(part)).markup("</code>")
            }
        }
        return self
    }
}
