/// Foreign text made safe to show: what others wrote must not move the cursor, change colours or fake lines of ours.
enum SafeText {
    /// One line: line breaks become spaces, other control characters go.
    static func line(_ text: String) -> String { clean(text, breaks: " ") }

    /// Text whose line feeds and tabs stay.
    static func block(_ text: String) -> String { clean(text, breaks: nil) }

    private static func clean(_ text: String, breaks: Unicode.Scalar?) -> String {
        guard text.unicodeScalars.contains(where: isControl) else { return text }
        var result = String.UnicodeScalarView()
        var afterReturn = false
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\r":
                // Progress bars in logs rewrite their line with it; each becomes a line of its own.
                result.append(breaks ?? "\n")
            case "\n" where !afterReturn: result.append(breaks ?? "\n")
            case "\n": break
            case "\t": result.append(breaks ?? "\t")
            default: if !isControl(scalar) { result.append(scalar) }
            }
            afterReturn = scalar == "\r"
        }
        return String(result)
    }

    /// C0, DEL and C1 (ISO 6429), and the characters that reorder text (Unicode bidirectional controls).
    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F..<0xA0, 0x202A...0x202E, 0x2066...0x2069: true
        default: false
        }
    }

    /// The columns that a text takes on a terminal.
    static func width(_ text: String) -> Int {
        text.utf8.allSatisfy { $0 < 0x80 } ? text.utf8.count : text.reduce(0) { $0 + width($1) }
    }

    /// The text cut to so many columns, with an ellipsis where something is missing.
    static func fit(_ text: String, _ columns: Int) -> String {
        guard width(text) > columns else { return text }
        guard columns > 0 else { return "" }
        var used = 0
        let kept = text.prefix { character in
            used += width(character)
            return used < columns
        }
        return kept + "…"
    }

    /// Wide and full-width characters take two columns (Unicode Standard Annex 11, in its broad strokes).
    private static func width(_ character: Character) -> Int {
        guard let scalar = character.unicodeScalars.first else { return 0 }
        switch scalar.value {
        case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60,
            0xFFE0...0xFFE6, 0x1F300...0x1F64F, 0x1F680...0x1F6FF, 0x1F900...0x1F9FF, 0x20000...0x3FFFD:
            return 2
        default: return 1
        }
    }
}
