/// Encodes contract values to JSON bytes in one pass, without an intermediate tree.
///
/// It is the hottest code of a listing, hence our own: names become snake case while they are written, and optional
/// properties that are nil are written as `null` in answers (clients rely on every field being present) or left out of requests.
/// Containers within containers (`nestedContainer`, `superEncoder`) are not supported: synthesised conformances never ask for them.
public final class WireEncoder {
    /// What becomes of an optional property that is nil.
    public enum NilStrategy: Sendable {
        /// `"name":null`, the shape of every answer.
        case writeNull
        /// The member is left out, the shape of a request: absent means "leave unchanged".
        case omit
    }

    /// The JSON text of a value.
    public static func encode(_ value: some Encodable, nils: NilStrategy = .writeNull) throws -> [UInt8] {
        let encoder = WireEncoder(nils: nils)
        encoder.output.bytes.reserveCapacity(1024)
        try encoder.write(value)
        return encoder.output.bytes
    }

    fileprivate enum Opened { case nothing, object, array }

    // Unchecked, since every access is one call long and calls back to nobody: checks at run time cost a seventh of a listing.
    @exclusivity(unchecked) fileprivate var output = JSONBytes()
    /// The container that the value being encoded has asked for; its closing bracket is due when the value is done.
    fileprivate var opened = Opened.nothing
    fileprivate let nils: NilStrategy

    private init(nils: NilStrategy) { self.nils = nils }

    /// Writes one value in place. The comparisons of types are pointer comparisons and spare the common leaves a container each.
    fileprivate func write<T: Encodable>(_ value: T) throws {
        if T.self == String.self, let text = value as? String {
            output.append(text)
        } else if T.self == Timestamp.self, let moment = value as? Timestamp {
            moment.write(to: &output)
        } else if T.self == [String: JSONValue].self, let members = value as? [String: JSONValue] {
            output.append(members)
        } else if T.self == JSONValue.self, let any = value as? JSONValue {
            output.append(any)
        } else if T.self == [String].self, let texts = value as? [String] {
            output.bytes.append(UInt8(ascii: "["))
            for text in texts {
                output.separate()
                output.append(text)
            }
            output.bytes.append(UInt8(ascii: "]"))
        } else if let map = value as? any StringKeyedMap {
            try map.write(to: self)
        } else {
            let outer = opened
            opened = .nothing
            try value.encode(to: self)
            switch opened {
            case .nothing: break
            case .object: output.bytes.append(UInt8(ascii: "}"))
            case .array: output.bytes.append(UInt8(ascii: "]"))
            }
            opened = outer
        }
    }
}

/// A dictionary whose keys are data, not property names, and so keep their spelling.
private protocol StringKeyedMap {
    func write(to encoder: WireEncoder) throws
}

extension Dictionary: StringKeyedMap where Key == String, Value: Encodable {
    fileprivate func write(to encoder: WireEncoder) throws {
        encoder.output.bytes.append(UInt8(ascii: "{"))
        for (key, value) in sorted(by: { $0.key < $1.key }) {
            encoder.output.separate()
            encoder.output.append(key)
            encoder.output.bytes.append(UInt8(ascii: ":"))
            try encoder.write(value)
        }
        encoder.output.bytes.append(UInt8(ascii: "}"))
    }
}

extension WireEncoder: Encoder {
    public var codingPath: [any CodingKey] { [] }
    public var userInfo: [CodingUserInfoKey: Any] { [:] }

    public func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        output.bytes.append(UInt8(ascii: "{"))
        opened = .object
        return KeyedEncodingContainer(Keyed(encoder: self))
    }

    public func unkeyedContainer() -> any UnkeyedEncodingContainer {
        output.bytes.append(UInt8(ascii: "["))
        opened = .array
        return Unkeyed(encoder: self)
    }

    public func singleValueContainer() -> any SingleValueEncodingContainer { Single(encoder: self) }

    private struct Keyed<Key: CodingKey>: KeyedEncodingContainerProtocol {
        let encoder: WireEncoder
        var codingPath: [any CodingKey] { [] }

        private func key(_ key: Key) {
            encoder.output.separate()
            encoder.output.appendKey(key.stringValue)
        }

        func encodeNil(forKey key: Key) {
            self.key(key)
            encoder.output.raw("null")
        }
        func encode(_ value: Bool, forKey key: Key) {
            self.key(key)
            encoder.output.append(value)
        }
        func encode(_ value: String, forKey key: Key) {
            self.key(key)
            encoder.output.append(value)
        }
        func encode(_ value: Double, forKey key: Key) {
            self.key(key)
            encoder.output.append(value)
        }
        func encode(_ value: Float, forKey key: Key) { encode(Double(value), forKey: key) }
        func encode(_ value: Int, forKey key: Key) { integer(value, key) }
        func encode(_ value: Int8, forKey key: Key) { integer(value, key) }
        func encode(_ value: Int16, forKey key: Key) { integer(value, key) }
        func encode(_ value: Int32, forKey key: Key) { integer(value, key) }
        func encode(_ value: Int64, forKey key: Key) { integer(value, key) }
        func encode(_ value: UInt, forKey key: Key) { integer(value, key) }
        func encode(_ value: UInt8, forKey key: Key) { integer(value, key) }
        func encode(_ value: UInt16, forKey key: Key) { integer(value, key) }
        func encode(_ value: UInt32, forKey key: Key) { integer(value, key) }
        func encode(_ value: UInt64, forKey key: Key) { integer(value, key) }
        func encode<T: Encodable>(_ value: T, forKey key: Key) throws {
            self.key(key)
            try encoder.write(value)
        }

        private func integer(_ value: some BinaryInteger, _ key: Key) {
            self.key(key)
            encoder.output.append(value)
        }

        // The typed overloads have default implementations that drop nil; each must be written out to keep it.
        func encodeIfPresent(_ value: Bool?, forKey key: Key) throws { try optional(value, key) }
        func encodeIfPresent(_ value: String?, forKey key: Key) throws { try optional(value, key) }
        func encodeIfPresent(_ value: Double?, forKey key: Key) throws { try optional(value, key) }
        func encodeIfPresent(_ value: Float?, forKey key: Key) throws { try optional(value, key) }
        func encodeIfPresent(_ value: Int?, forKey key: Key) throws { try optional(value, key) }
        func encodeIfPresent(_ value: Int8?, forKey key: Key) throws { try optional(value, key) }
        func encodeIfPresent(_ value: Int16?, forKey key: Key) throws { try optional(value, key) }
        func encodeIfPresent(_ value: Int32?, forKey key: Key) throws { try optional(value, key) }
        func encodeIfPresent(_ value: Int64?, forKey key: Key) throws { try optional(value, key) }
        func encodeIfPresent(_ value: UInt?, forKey key: Key) throws { try optional(value, key) }
        func encodeIfPresent(_ value: UInt8?, forKey key: Key) throws { try optional(value, key) }
        func encodeIfPresent(_ value: UInt16?, forKey key: Key) throws { try optional(value, key) }
        func encodeIfPresent(_ value: UInt32?, forKey key: Key) throws { try optional(value, key) }
        func encodeIfPresent(_ value: UInt64?, forKey key: Key) throws { try optional(value, key) }
        func encodeIfPresent<T: Encodable>(_ value: T?, forKey key: Key) throws { try optional(value, key) }

        private func optional<T: Encodable>(_ value: T?, _ key: Key) throws {
            if let value {
                self.key(key)
                try encoder.write(value)
            } else if encoder.nils == .writeNull {
                encodeNil(forKey: key)
            }
        }

        func nestedContainer<N: CodingKey>(keyedBy: N.Type, forKey key: Key) -> KeyedEncodingContainer<N> { unsupported() }
        func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer { unsupported() }
        func superEncoder() -> any Encoder { unsupported() }
        func superEncoder(forKey key: Key) -> any Encoder { unsupported() }
    }

    private struct Unkeyed: UnkeyedEncodingContainer {
        let encoder: WireEncoder
        var codingPath: [any CodingKey] { [] }
        private(set) var count = 0

        init(encoder: WireEncoder) { self.encoder = encoder }

        mutating func encodeNil() {
            encoder.output.separate()
            encoder.output.raw("null")
            count += 1
        }
        mutating func encode<T: Encodable>(_ value: T) throws {
            encoder.output.separate()
            try encoder.write(value)
            count += 1
        }
        func nestedContainer<N: CodingKey>(keyedBy: N.Type) -> KeyedEncodingContainer<N> { unsupported() }
        func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { unsupported() }
        func superEncoder() -> any Encoder { unsupported() }
    }

    private struct Single: SingleValueEncodingContainer {
        let encoder: WireEncoder
        var codingPath: [any CodingKey] { [] }

        func encodeNil() { encoder.output.raw("null") }
        func encode(_ value: Bool) { encoder.output.append(value) }
        func encode(_ value: String) { encoder.output.append(value) }
        func encode(_ value: Double) { encoder.output.append(value) }
        func encode(_ value: Float) { encoder.output.append(Double(value)) }
        func encode(_ value: Int) { encoder.output.append(value) }
        func encode(_ value: Int8) { encoder.output.append(value) }
        func encode(_ value: Int16) { encoder.output.append(value) }
        func encode(_ value: Int32) { encoder.output.append(value) }
        func encode(_ value: Int64) { encoder.output.append(value) }
        func encode(_ value: UInt) { encoder.output.append(value) }
        func encode(_ value: UInt8) { encoder.output.append(value) }
        func encode(_ value: UInt16) { encoder.output.append(value) }
        func encode(_ value: UInt32) { encoder.output.append(value) }
        func encode(_ value: UInt64) { encoder.output.append(value) }
        func encode<T: Encodable>(_ value: T) throws { try encoder.write(value) }
    }
}

/// A conformance that asks for nested containers is a programming error that the first test of the type meets.
private func unsupported() -> Never {
    preconditionFailure("WireEncoder does not support nested containers; give the type a plain synthesised conformance")
}
