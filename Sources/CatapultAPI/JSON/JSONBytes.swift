/// Appends JSON tokens to a byte array. The one place that knows how JSON is spelled.
struct JSONBytes {
    var bytes: [UInt8] = []

    /// Writes the comma between two members or elements where one is due: a value never ends in an opening bracket.
    mutating func separate() {
        switch bytes.last {
        case nil, UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: ":"): return
        default: bytes.append(UInt8(ascii: ","))
        }
    }

    /// Text that is JSON already.
    mutating func raw(_ text: StaticString) {
        bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    mutating func append(_ flag: Bool) {
        if flag { raw("true") } else { raw("false") }
    }

    mutating func append(_ number: some BinaryInteger) {
        if let small = Int(exactly: number), small >= 0, small < 10 {
            bytes.append(UInt8(ascii: "0") + UInt8(small))
        } else {
            bytes.append(contentsOf: String(number).utf8)
        }
    }

    /// JSON has no infinities and no NaN; null says "no such number".
    mutating func append(_ number: Double) {
        guard number.isFinite else { return raw("null") }
        bytes.append(contentsOf: number.description.utf8)
    }

    mutating func append(_ text: String) {
        var text = text
        bytes.append(UInt8(ascii: "\""))
        text.withUTF8 { utf8 in
            var start = 0
            for index in utf8.indices {
                let byte = utf8[index]
                guard byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") else { continue }
                bytes.append(contentsOf: UnsafeBufferPointer(rebasing: utf8[start..<index]))
                escape(byte)
                start = index + 1
            }
            bytes.append(contentsOf: UnsafeBufferPointer(rebasing: utf8[start...]))
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func escape(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""): raw("\\\"")
        case UInt8(ascii: "\\"): raw("\\\\")
        case 0x0A: raw("\\n")
        case 0x0D: raw("\\r")
        case 0x09: raw("\\t")
        default:
            let digits: StaticString = "0123456789abcdef"
            raw("\\u00")
            bytes.append(digits.utf8Start[Int(byte >> 4)])
            bytes.append(digits.utf8Start[Int(byte & 15)])
        }
    }

    /// Members in the order of their names, so that equal values have equal texts.
    mutating func append(_ value: JSONValue) {
        switch value {
        case .null: raw("null")
        case .bool(let flag): append(flag)
        case .int(let number): append(number)
        case .double(let number): append(number)
        case .string(let text): append(text)
        case .array(let elements):
            bytes.append(UInt8(ascii: "["))
            for element in elements {
                separate()
                append(element)
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let members): append(members)
        }
    }

    mutating func append(_ members: [String: JSONValue]) {
        bytes.append(UInt8(ascii: "{"))
        if members.count == 1, let (name, value) = members.first {
            append(name)
            bytes.append(UInt8(ascii: ":"))
            append(value)
        } else {
            for (name, value) in members.sorted(by: { $0.key < $1.key }) {
                separate()
                append(name)
                bytes.append(UInt8(ascii: ":"))
                append(value)
            }
        }
        bytes.append(UInt8(ascii: "}"))
    }

    /// A Swift property name as the wire spells it, in quotes and with its colon: `endpointURL` becomes `"endpoint_url":`.
    mutating func appendKey(_ name: String) {
        bytes.append(UInt8(ascii: "\""))
        WireName.appendSnakeCase(name, to: &bytes)
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
    }
}

extension JSONValue {
    /// The JSON text of this value, without white space, members sorted by name.
    public var jsonBytes: [UInt8] {
        var output = JSONBytes()
        output.append(self)
        return output.bytes
    }

    /// The JSON text of this value as a string.
    public var jsonText: String { String(decoding: jsonBytes, as: UTF8.self) }
}
