import Foundation
import Testing

@testable import LoadTesting

@Suite struct CompletionChunkTests {
    private func chunk(_ text: String) throws -> CompletionChunk { try CompletionChunk(Array(text.utf8)) }

    @Test func readsChatAndCompletions() throws {
        #expect(try chunk(#"{"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}"#) == CompletionChunk())
        #expect(try chunk(#"{"choices":[{"delta":{"content":"Hi"},"finish_reason":null}]}"#).hasContent)
        #expect(try chunk(#"{"choices":[{"delta":{"content":null,"reasoning_content":"Hm"}}]}"#).hasContent)
        #expect(try chunk(#"{"choices":[{"delta":{"reasoning":"Hm"}}]}"#).hasContent)
        #expect(try chunk(#"{"choices":[{"text":"Hi","logprobs":null}]}"#).hasContent)
        #expect(try chunk(#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#).isFinished)
        let usage = try chunk(#"{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":12,"details":{"completion_tokens":9}}}"#)
        #expect(usage.completionTokens == 12)
        #expect(usage.promptTokens == 3)
        #expect(try chunk(#"{"error":{"message":"out of memory"}}"#).hasError)
        #expect(try !chunk(#"{"error":null}"#).hasError)
    }

    @Test func looksOnlyWhereTheFieldsBelong() throws {
        #expect(try chunk(#"{"content":"x","delta":{"content":"x"},"text":"x","completion_tokens":1}"#) == CompletionChunk())
        #expect(try chunk(#"{"choices":[{"message":{"content":"x"}}],"x":{"usage":{"completion_tokens":1}}}"#) == CompletionChunk())
        #expect(try chunk(#"{"choices":[{"text":"{\"choices\""}]}"#).hasContent)
        #expect(try chunk(#"{"\u0063hoices":[{"delta":{"con\u0074ent":"x"}}]}"#).hasContent)
        #expect(try chunk(#"{"choices\n":[{"text":"x"}]}"#) == CompletionChunk())
    }

    @Test func takesOddTypesAsAbsent() throws {
        #expect(
            try chunk(#"{"choices":{"text":"x"},"usage":[1],"a":[true,false,null,-1.5e+3,{}]}"#) == CompletionChunk())
        let usage = try chunk(#"{"usage":{"completion_tokens":99999999999999999999,"prompt_tokens":1.5}}"#)
        #expect(usage == CompletionChunk())
        #expect(try chunk(#"{"usage":{"completion_tokens":-4,"prompt_tokens":"7"}}"#) == CompletionChunk())
    }

    @Test(arguments: [
        "", " ", "{", "[]", "\"x\"", "{}x", "{,}", #"{"a"}"#, #"{"a":}"#, #"{"a":1,}"#, #"{"a":01}"#, #"{"a":1.}"#, #"{"a":-}"#,
        #"{"a":.5}"#,
        #"{"a":1e}"#, #"{"a":tru}"#, #"{"a":"\x"}"#, #"{"a":"\u12g4"}"#, #"{"a":"\u12"#, #"{"a":"x"#, "{\"a\":\"\n\"}", "{a:1}",
        #"{"a":[1 2]}"#,
    ])
    func refusesWhatIsNotAnObject(_ text: String) {
        #expect(throws: JSONScanner.Malformed.self) { try chunk(text) }
    }

    @Test func limitsTheDepth() throws {
        func nested(_ depth: Int) -> String {
            "{\"a\":" + String(repeating: "[", count: depth) + String(repeating: "]", count: depth) + "}"
        }
        #expect(try chunk(nested(JSONScanner.maximumDepth - 1)) == CompletionChunk())
        #expect(throws: JSONScanner.Malformed.self) { try chunk(nested(JSONScanner.maximumDepth)) }
        #expect(throws: JSONScanner.Malformed.self) { try chunk(String(repeating: "[", count: 1_000_000)) }
    }

    // MARK: Against JSONDecoder

    @Test func agreesWithJSONDecoderOnRandomDocuments() throws {
        var random = SplitMix64(state: 42)
        var withContent = 0
        for _ in 0..<2_000 {
            let text = RandomJSON.document(&random)
            let expected = try Reference.read(Array(text.utf8))
            let found = try chunk(text)
            #expect(found == expected, "\(text)")
            if found.hasContent { withContent += 1 }
        }
        #expect(withContent > 100)
    }

    @Test func agreesWithJSONDecoderOnDamagedDocuments() throws {
        var random = SplitMix64(state: 7)
        var accepted = 0
        for _ in 0..<3_000 {
            var bytes = Array(RandomJSON.document(&random).utf8)
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[index] = Array("{}[]\",:0\\untx ".utf8).randomElement(using: &random) ?? 0
                case 1 where bytes.count > 1: bytes.remove(at: index)
                default: bytes.insert(bytes[Int.random(in: 0..<bytes.count, using: &random)], at: index)
                }
            }
            guard let expected = try? Reference.read(bytes) else { continue }
            accepted += 1
            do {
                #expect(try CompletionChunk(bytes) == expected, "\(String(decoding: bytes, as: UTF8.self))")
            } catch {
                // JSONDecoder takes `{"a":1,}` and `[1,]`, which RFC 8259 does not allow; nothing else may differ.
                let before = bytes[..<error.offset].last { !" \n\t".utf8.contains($0) }
                let isTrailingComma = before == UInt8(ascii: ",") && "}]".utf8.contains(bytes[error.offset])
                #expect(isTrailingComma, "\(error): \(Excerpt.of(bytes[max(0, error.offset - 60)...]))")
            }
        }
        #expect(accepted > 100)
    }
}

/// The same facts, by way of JSONDecoder and a whole tree.
private enum Reference {
    enum Value: Decodable {
        case null, string(String), number(Double), bool, array([Value])
        case object([String: Value])

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if container.decodeNil() {
                self = .null
            } else if let object = try? container.decode([String: Value].self) {
                self = .object(object)
            } else if let array = try? container.decode([Value].self) {
                self = .array(array)
            } else if let string = try? container.decode(String.self) {
                self = .string(string)
            } else if (try? container.decode(Bool.self)) != nil {
                self = .bool
            } else {
                self = .number(try container.decode(Double.self))
            }
        }

        subscript(name: String) -> Value { if case .object(let members) = self { members[name] ?? .null } else { .null } }
        var isText: Bool { if case .string(let text) = self { !text.isEmpty } else { false } }
        var isNull: Bool { if case .null = self { true } else { false } }
        var count: Int? { if case .number(let number) = self { Int(exactly: number).flatMap { $0 < 0 ? nil : $0 } } else { nil } }
    }

    static func read(_ bytes: [UInt8]) throws -> CompletionChunk {
        let value = Value.object(try JSONDecoder().decode([String: Value].self, from: Data(bytes)))
        var chunk = CompletionChunk()
        if case .array(let choices) = value["choices"] {
            for choice in choices {
                let delta = choice["delta"]
                let texts = [choice["text"], delta["content"], delta["reasoning_content"], delta["reasoning"]]
                if texts.contains(where: \.isText) { chunk.hasContent = true }
                if choice["finish_reason"].isText { chunk.isFinished = true }
            }
        }
        chunk.hasError = !value["error"].isNull
        chunk.completionTokens = value["usage"]["completion_tokens"].count
        chunk.promptTokens = value["usage"]["prompt_tokens"].count
        return chunk
    }
}

/// Makes documents that hold the interesting members at right and wrong places, among others.
private enum RandomJSON {
    static let names = [
        "choices", "delta", "content", "reasoning_content", "reasoning", "text", "finish_reason", "usage", "completion_tokens",
        "prompt_tokens",
        "error", "id", "é",
    ]

    static func document(_ random: inout SplitMix64) -> String {
        let delta = object(&random, prefer: ["content", "reasoning_content", "reasoning"]) { value(&$0, depth: 2) }
        let choice = object(&random, prefer: ["delta", "text", "finish_reason"]) { random in
            Bool.random(using: &random) ? delta : value(&random, depth: 2)
        }
        let usage = object(&random, prefer: ["completion_tokens", "prompt_tokens"]) { "\(Int.random(in: 0..<1000, using: &$0))" }
        return object(&random, prefer: ["choices", "usage", "error"]) { random in
            switch Int.random(in: 0..<4, using: &random) {
            case 0: "[\(choice),\(value(&random, depth: 2))]"
            case 1: "[\(choice)]"
            case 2: usage
            default: value(&random, depth: 3)
            }
        }
    }

    /// Names are distinct: which of two members of one name counts is not what is tested.
    private static func object(_ random: inout SplitMix64, prefer: [String], _ value: (inout SplitMix64) -> String) -> String {
        let chosen = prefer.filter { _ in Int.random(in: 0..<3, using: &random) > 0 }
        let others = names.filter { !prefer.contains($0) && Int.random(in: 0..<6, using: &random) == 0 }
        let members = (chosen + others).shuffled(using: &random).map {
            "\(space(&random))\(quoted($0, &random))\(space(&random)):\(value(&random))"
        }
        return "{" + members.joined(separator: ",") + space(&random) + "}"
    }

    private static func value(_ random: inout SplitMix64, depth: Int) -> String {
        switch Int.random(in: 0..<(depth > 0 ? 9 : 7), using: &random) {
        case 0: return "null"
        case 1: return Bool.random(using: &random) ? "true" : "false"
        case 2: return ["0", "-0.5", "12", "1.25", "-3e-2", "-7"].randomElement(using: &random) ?? "0"
        case 3: return "\"\""
        case 4: return #""a\"b\\\u00e9\n{[""#
        case 5, 6: return "\"text\""
        case 7:
            return "[" + (0..<Int.random(in: 0..<3, using: &random)).map { _ in value(&random, depth: depth - 1) }.joined(separator: ", ")
                + "]"
        default: return object(&random, prefer: []) { value(&$0, depth: depth - 1) }
        }
    }

    private static func quoted(_ name: String, _ random: inout SplitMix64) -> String {
        guard Int.random(in: 0..<8, using: &random) == 0, let first = name.unicodeScalars.first, first.isASCII else { return "\"\(name)\"" }
        return "\"\\u00\(String(first.value, radix: 16))\(name.dropFirst())\""
    }

    private static func space(_ random: inout SplitMix64) -> String {
        ["", "", "", " ", "\n", "\t "].randomElement(using: &random) ?? ""
    }
}
