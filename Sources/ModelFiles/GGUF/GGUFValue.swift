/// The value of a key of a GGUF file.
public enum GGUFValue: Sendable, Equatable {
    case unsigned(UInt64)
    case signed(Int64)
    case float(Double)
    case bool(Bool)
    /// A text; one longer than the reader's limit is cut there.
    case string(String)
    /// An array: how many elements it has, and the first of them.
    case array(count: UInt64, first: [GGUFValue])

    /// A text that is not empty.
    public var text: String? {
        if case .string(let text) = self, !text.isEmpty { text } else { nil }
    }

    /// A whole number that fits.
    public var integer: Int? {
        switch self {
        case .unsigned(let number): Int(exactly: number)
        case .signed(let number): Int(exactly: number)
        default: nil
        }
    }

    /// The whole numbers of an array, where all of them were kept.
    public var integers: [Int]? {
        guard case .array(let count, let first) = self, count == first.count else { return nil }
        let numbers = first.compactMap(\.integer)
        return numbers.count == first.count ? numbers : nil
    }

    /// The texts of an array.
    public var texts: [String] {
        if case .array(_, let first) = self { first.compactMap(\.text) } else { [] }
    }
}

/// The types of values: `gguf_metadata_value_type` of the GGUF specification.
enum GGUFValueType: UInt32 {
    case uint8 = 0
    case int8
    case uint16
    case int16
    case uint32
    case int32
    case float32
    case bool
    case string
    case array
    case uint64
    case int64
    case float64

    /// Bytes of a value, or nil where they depend on it.
    var size: UInt64? {
        switch self {
        case .uint8, .int8, .bool: 1
        case .uint16, .int16: 2
        case .uint32, .int32, .float32: 4
        case .uint64, .int64, .float64: 8
        case .string, .array: nil
        }
    }
}
