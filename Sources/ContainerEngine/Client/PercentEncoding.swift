/// Percent-encoding of the parts of a URL (RFC 3986, section 2).
enum PercentEncoding {
    /// Encodes all but ASCII letters and digits, which is what the host part of an `http+unix` URL needs.
    static func strict(_ text: String) -> String {
        encode(text, keeping: [])
    }

    /// Encodes a query's name or value: all but the unreserved characters.
    static func query(_ text: String) -> String {
        encode(text, keeping: Array("-._~".utf8))
    }

    /// Encodes a path, keeping `/` and `:`, since the engine routes image references unescaped.
    static func path(_ text: String) -> String {
        encode(text, keeping: Array("-._~/:@".utf8))
    }

    private static let digits = Array("0123456789ABCDEF".utf8)

    private static func encode(_ text: String, keeping kept: [UInt8]) -> String {
        var output: [UInt8] = []
        output.reserveCapacity(text.utf8.count)
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"):
                output.append(byte)
            case _ where kept.contains(byte):
                output.append(byte)
            default:
                output.append(UInt8(ascii: "%"))
                output.append(digits[Int(byte >> 4)])
                output.append(digits[Int(byte & 0x0F)])
            }
        }
        return String(decoding: output, as: UTF8.self)
    }
}
