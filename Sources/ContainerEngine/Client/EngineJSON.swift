import Foundation
import NIOCore

/// JSON as the engine writes and reads it.
enum EngineJSON {
    static func encode(_ value: some Encodable) throws(ContainerEngineError) -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            return try encoder.encode(value)
        } catch {
            throw .invalidArgument(name: "\(type(of: value))", reason: "it cannot be written as JSON")
        }
    }

    static func decode<Value: Decodable>(_ type: Value.Type, from bytes: some Sequence<UInt8>, call: String) throws(ContainerEngineError)
        -> Value
    {
        do {
            return try JSONDecoder().decode(type, from: Data(bytes))
        } catch let error as DecodingError {
            throw .unexpectedResponse(message: "The engine's answer to \(call) cannot be read: \(error.place)")
        } catch {
            throw .unexpectedResponse(message: "The engine's answer to \(call) is not JSON.")
        }
    }

    /// The `message` of an error answer, which is `{"message": "…"}`; the text itself where it is something else.
    static func message(from bytes: some Sequence<UInt8>) -> String {
        let data = Data(bytes)
        if let answer = try? JSONDecoder().decode(ErrorAnswer.self, from: data), let message = answer.message ?? answer.cause {
            return message.trimmingCharacters(in: .whitespacesAndNewlines)
        }
        return String(decoding: data.prefix(1024), as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }
}

/// The body of an error answer.
private struct ErrorAnswer: Decodable {
    var message: String?
    /// Podman's key for the root cause.
    var cause: String?
}

extension DecodingError {
    /// Where decoding failed, without the value, which may be a secret.
    fileprivate var place: String {
        switch self {
        case .keyNotFound(let key, let context): "'\(context.path(to: key))' is missing."
        case .valueNotFound(_, let context): "'\(context.path())' is null."
        case .typeMismatch(let type, let context): "'\(context.path())' is not of the type \(type)."
        case .dataCorrupted(let context): "it is malformed at '\(context.path())'."
        @unknown default: "it has an unknown shape."
        }
    }
}

extension DecodingError.Context {
    fileprivate func path(to key: (any CodingKey)? = nil) -> String {
        (codingPath + (key.map { [$0] } ?? [])).map(\.stringValue).joined(separator: ".")
    }
}
