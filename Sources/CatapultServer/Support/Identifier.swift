import CatapultAPI

/// Makes ids: UUID version 7 (RFC 9562), so that new rows lie at the end of every index.
enum Identifier {
    /// A new id in lower case.
    static func make(at moment: Timestamp = .now) -> String {
        let milliseconds = UInt64(max(0, moment.microseconds) / 1_000)
        var generator = SystemRandomNumberGenerator()
        let high = milliseconds << 16 | 0x7000 | (generator.next() & 0x0FFF)
        let low = 0x8000_0000_0000_0000 | (generator.next() >> 2)
        var text = ""
        text.reserveCapacity(36)
        for (index, word) in [high, low].enumerated() {
            for nibble in 0..<16 {
                if index * 16 + nibble == 8 || index * 16 + nibble == 12 || index * 16 + nibble == 16 || index * 16 + nibble == 20 {
                    text.append("-")
                }
                text.append(String(word >> UInt64(60 - nibble * 4) & 0xF, radix: 16))
            }
        }
        return text
    }

    /// True for the text form of any UUID.
    static func isUUID(_ text: String) -> Bool {
        guard text.utf8.count == 36 else { return false }
        return text.utf8.enumerated().allSatisfy { index, byte in
            switch index {
            case 8, 13, 18, 23: byte == UInt8(ascii: "-")
            default: Character(Unicode.Scalar(byte)).isHexDigit
            }
        }
    }
}
