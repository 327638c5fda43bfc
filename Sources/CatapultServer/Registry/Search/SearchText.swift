import Foundation

/// How text becomes words that can be looked up. Index and query go through the same steps, so they agree by construction.
///
/// Folded: compatibility forms made plain, accents and other marks dropped, lower case. Cut into *pieces*: runs of letters and runs of
/// digits; everything else separates. A letter of a script that is written without spaces is a piece of its own.
enum SearchText {
    /// A piece of a text, and where it stands in the original.
    struct Piece: Equatable {
        var text: String
        /// Offsets of Unicode scalars in the original text.
        var range: Range<Int>
    }

    private enum Class {
        case letter
        case digit
        case single
        case separator
    }

    /// The pieces of a text in order.
    static func pieces(_ text: String, limit: Int = .max) -> [Piece] {
        var pieces: [Piece] = []
        var current = ""
        var currentClass = Class.separator
        var start = 0
        var offset = 0
        func end(at offset: Int) {
            if !current.isEmpty { pieces.append(Piece(text: current, range: start..<offset)) }
            current = ""
        }
        for scalar in text.unicodeScalars {
            defer { offset += 1 }
            let folded = fold(scalar)
            // A mark belongs to the letter before it and says nothing by itself.
            if folded.isEmpty { continue }
            let kind = classify(scalar, folded)
            if kind != currentClass || kind == .single || kind == .separator { end(at: offset) }
            if pieces.count >= limit { return pieces }
            currentClass = kind
            if kind == .separator { continue }
            if current.isEmpty { start = offset }
            current += folded
        }
        end(at: offset)
        return pieces
    }

    /// The text folded as a whole, white space taken together: what a name is compared with.
    static func folded(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            if scalar.properties.isWhitespace {
                if !result.isEmpty, result.last != " " { result.append(" ") }
            } else {
                result += fold(scalar)
            }
        }
        if result.last == " " { result.removeLast() }
        return result
    }

    /// The lower-case form of a scalar without marks; empty for a mark.
    private static func fold(_ scalar: Unicode.Scalar) -> String {
        if scalar.isASCII {
            return String(("A"..."Z").contains(scalar) ? Unicode.Scalar(UInt8(scalar.value) + 32) : scalar)
        }
        if scalar.properties.generalCategory == .nonspacingMark { return "" }
        var result = ""
        for part in String(scalar).decomposedStringWithCompatibilityMapping.unicodeScalars
        where part.properties.generalCategory != .nonspacingMark {
            result += part.properties.lowercaseMapping
        }
        return result
    }

    private static func classify(_ scalar: Unicode.Scalar, _ folded: String) -> Class {
        if isUnspaced(scalar) { return .single }
        guard let first = folded.unicodeScalars.first else { return .separator }
        if first.isASCII {
            switch first {
            case "a"..."z": return .letter
            case "0"..."9": return .digit
            default: return .separator
            }
        }
        switch first.properties.generalCategory {
        case .decimalNumber, .letterNumber, .otherNumber: return .digit
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .spacingMark: return .letter
        default: return .separator
        }
    }

    /// Han, Hiragana, Katakana, and scripts of South-East Asia: written without spaces between words.
    private static func isUnspaced(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x0E00...0x0EFF, 0x1000...0x109F, 0x1780...0x17FF, 0x3040...0x30FF, 0x31F0...0x31FF, 0x3400...0x4DBF, 0x4E00...0x9FFF,
            0xF900...0xFAFF, 0xFF66...0xFF9D, 0x20000...0x3FFFF:
            scalar.properties.isAlphabetic
        default: false
        }
    }
}
