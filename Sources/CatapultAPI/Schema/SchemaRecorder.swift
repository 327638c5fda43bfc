/// A decoder without data: it notes what a type asks for, and answers each question with a sample.
///
/// The typed overloads of `decodeIfPresent` have default implementations that ask `decodeNil` instead of saying that a property is
/// optional, hence each is written out. Containers within containers are not supported: synthesised conformances never ask for them.
final class SchemaRecorder: Decoder {
    /// A property that the type asked for, by its Swift name.
    struct Property {
        let name: String
        let schema: JSONSchema
        let isOptional: Bool
    }

    let reflector: SchemaReflector
    /// What was asked of the keyed container, in order.
    fileprivate(set) var properties: [Property] = []
    /// What was asked of the single-value container.
    fileprivate(set) var single: JSONSchema?

    let codingPath: [any CodingKey] = []
    let userInfo: [CodingUserInfoKey: Any] = [:]

    init(reflector: SchemaReflector) { self.reflector = reflector }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(KeyedRecorder<Key>(recorder: self))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { throw unsupported }

    func singleValueContainer() -> any SingleValueDecodingContainer { SingleRecorder(recorder: self) }

    fileprivate var unsupported: SchemaReflector.Unreadable {
        SchemaReflector.Unreadable(reason: "containers within containers are not supported; conform to SchemaDescribed")
    }
}

private struct KeyedRecorder<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let recorder: SchemaRecorder

    var codingPath: [any CodingKey] { [] }
    var allKeys: [Key] { [] }
    func contains(_ key: Key) -> Bool { true }
    func decodeNil(forKey key: Key) -> Bool { false }

    func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
        let (schema, value) = try recorder.reflector.probe(type)
        recorder.properties.append(.init(name: key.stringValue, schema: schema, isOptional: false))
        return value
    }

    func decodeIfPresent(_ type: Bool.Type, forKey key: Key) -> Bool? { optional(type, key) }
    func decodeIfPresent(_ type: String.Type, forKey key: Key) -> String? { optional(type, key) }
    func decodeIfPresent(_ type: Double.Type, forKey key: Key) -> Double? { optional(type, key) }
    func decodeIfPresent(_ type: Float.Type, forKey key: Key) -> Float? { optional(type, key) }
    func decodeIfPresent(_ type: Int.Type, forKey key: Key) -> Int? { optional(type, key) }
    func decodeIfPresent(_ type: Int8.Type, forKey key: Key) -> Int8? { optional(type, key) }
    func decodeIfPresent(_ type: Int16.Type, forKey key: Key) -> Int16? { optional(type, key) }
    func decodeIfPresent(_ type: Int32.Type, forKey key: Key) -> Int32? { optional(type, key) }
    func decodeIfPresent(_ type: Int64.Type, forKey key: Key) -> Int64? { optional(type, key) }
    func decodeIfPresent(_ type: UInt.Type, forKey key: Key) -> UInt? { optional(type, key) }
    func decodeIfPresent(_ type: UInt8.Type, forKey key: Key) -> UInt8? { optional(type, key) }
    func decodeIfPresent(_ type: UInt16.Type, forKey key: Key) -> UInt16? { optional(type, key) }
    func decodeIfPresent(_ type: UInt32.Type, forKey key: Key) -> UInt32? { optional(type, key) }
    func decodeIfPresent(_ type: UInt64.Type, forKey key: Key) -> UInt64? { optional(type, key) }
    func decodeIfPresent<T: Decodable>(_ type: T.Type, forKey key: Key) -> T? { optional(type, key) }

    private func optional<T: Decodable>(_ type: T.Type, _ key: Key) -> T? {
        recorder.properties.append(.init(name: key.stringValue, schema: recorder.reflector.reference(to: type), isOptional: true))
        return nil
    }

    func nestedContainer<N: CodingKey>(keyedBy type: N.Type, forKey key: Key) throws -> KeyedDecodingContainer<N> {
        throw recorder.unsupported
    }
    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer { throw recorder.unsupported }
    func superDecoder() throws -> any Decoder { throw recorder.unsupported }
    func superDecoder(forKey key: Key) throws -> any Decoder { throw recorder.unsupported }
}

private struct SingleRecorder: SingleValueDecodingContainer {
    let recorder: SchemaRecorder

    var codingPath: [any CodingKey] { [] }
    func decodeNil() -> Bool { false }

    func decode<T: Decodable>(_ type: T.Type) throws -> T {
        let (schema, value) = try recorder.reflector.probe(type)
        recorder.single = schema
        return value
    }
}
