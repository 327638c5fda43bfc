import CatapultAPI
import Testing

@testable import CatapultServer

/// The language of searches, without a database.
@Suite("Search query")
struct SearchQueryTests {
    private func words(_ text: String) throws -> [SearchQuery.Words] { try SearchQueryParser.parse(text).words }

    @Test("words are folded and cut up; the last one may go on, unless a blank follows")
    func plainWords() throws {
        let typed = try words("Llama 8B")
        #expect(typed.map(\.pieces) == [["llama"], ["8", "b"]])
        #expect(typed.map(\.isPrefix) == [false, true])
        #expect(try words("Llama 8B ").map(\.isPrefix) == [false, false])
        #expect(try words("lla* 8B ").map(\.isPrefix) == [true, false])
    }

    @Test("a phrase is one clause and never a beginning")
    func phrases() throws {
        let typed = try words("\"large language\" model")
        #expect(typed.map(\.pieces) == [["large", "language"], ["model"]])
        #expect(typed.map(\.isPrefix) == [false, true])
        #expect(try words("\"large language\"").map(\.isPrefix) == [false])
    }

    @Test("a minus negates what follows it, and stands for itself within a word")
    func negation() throws {
        let query = try SearchQueryParser.parse("gpt-4 -old -tag:bad")
        #expect(query.clauses.map(\.isNegated) == [false, true, true])
        #expect(query.words.map(\.pieces) == [["gpt", "4"]])
        #expect(query.clauses[2].condition == .property(.tag, "bad"))
    }

    @Test("model:version is a name and a number")
    func handle() throws {
        let typed = try words("llama:1.0")
        #expect(typed.map(\.pieces) == [["llama"], ["1", "0"]])
        #expect(typed.map(\.isPrefix) == [false, true])
        #expect(try words("gpt-model:v2").map(\.pieces) == [["gpt", "model"], ["v", "2"]])
    }

    @Test("properties, also by their short names")
    func properties() throws {
        let query = try SearchQueryParser.parse("tag:prod server:vllm env:staging license:\"apache 2.0\" release:TRUE name:llama*")
        #expect(
            query.clauses.map(\.condition) == [
                .property(.tag, "prod"), .property(.serverType, "vllm"), .property(.environment, "staging"),
                .property(.license, "apache 2.0"), .property(.release, "true"),
                .words(.init(text: "llama", pieces: ["llama"], isPrefix: true, inName: true)),
            ])
    }

    @Test(
        "numbers and dates become ranges",
        arguments: [
            ("params>7B", SearchQuery.Quantity.parameters, 7_000_000_001 as Int64?, nil as Int64?),
            ("params>=1.5B", .parameters, 1_500_000_000, nil),
            ("params<=135M", .parameters, nil, 135_000_001),
            ("params:8x7B", .parameters, 56_000_000_000, 56_000_000_001),
            ("size<10GB", .size, nil, 10 << 30),
            ("created>2026-01-31", .created, 1_769_904_000_000_000, nil),
            ("created<=2025-12", .created, nil, 1_767_225_600_000_000),
            ("created:2026", .created, 1_767_225_600_000_000, 1_798_761_600_000_000),
        ])
    func ranges(_ text: String, _ quantity: SearchQuery.Quantity, _ from: Int64?, _ below: Int64?) throws {
        #expect(try SearchQueryParser.parse(text).clauses.map(\.condition) == [.quantity(quantity, from: from, below: below)])
    }

    @Test("type: chooses types and is no condition")
    func types() throws {
        let query = try SearchQueryParser.parse("type:models type:version llama")
        #expect(query.types == [.model, .version])
        #expect(query.clauses.count == 1)
    }

    @Test(
        "what cannot be understood is told with its place, what is allowed, and near names",
        arguments: [
            ("llama colour:red", 6, "there is no field colour", nil as String?),
            ("tga:prod", 0, "there is no field tga", "tag"),
            ("tag:", 4, "tag needs a value", nil),
            ("a \"b c", 2, "the quote is not closed", nil),
            ("params>many", 7, "params cannot be \"many\"", nil),
            ("created>2026-13", 8, "created cannot be \"2026-13\"", nil),
            ("tag>5", 0, "tag is compared with ':' only, not with '>'", nil),
            ("server_type:vlm", 12, "server_type cannot be \"vlm\"", "vllm"),
            ("type:person", 5, "there is no type \"person\"", "model"),
            ("***", 0, "\"**\" has neither a letter nor a digit", nil),
            ("   ", 0, "there is nothing to search for", nil),
            ("a a a a a a a a a a a a a a a a a", 32, "there are more than 16 conditions", nil),
        ])
    func failures(_ text: String, _ position: Int, _ message: String, _ candidate: String?) {
        do {
            Issue.record("understood as \(try SearchQueryParser.parse(text))")
        } catch {
            #expect(error.position == position)
            #expect(error.message == message)
            if let candidate { #expect(error.candidates.contains(candidate)) }
        }
    }

    @Test("no text makes the parser fail in another way than it says", arguments: 0..<300)
    func anyText(seed: Int) {
        var generator = Seeded(seed: UInt64(seed))
        let alphabet = Array("ab 1:\"-<>=*._/é中\u{301}\u{0}tagparams")
        let text = String((0..<Int.random(in: 0...40, using: &generator)).map { _ in alphabet.randomElement(using: &generator) ?? "a" })
        _ = try? SearchQueryParser.parse(text)
    }

    @Test(
        "text is cut at signs and where letters meet digits; marks and case are dropped",
        arguments: [
            ("Qwen/Qwen2.5-7B_Instruct", ["qwen", "qwen", "2", "5", "7", "b", "instruct"]),
            ("Café Ångström", ["cafe", "angstrom"]),
            ("cafe\u{301}", ["cafe"]),
            ("ﬁne-tuned", ["fine", "tuned"]),
            ("ＧＰＴ４", ["gpt", "4"]),
            ("大模型 v2", ["大", "模", "型", "v", "2"]),
            ("Модель", ["модель"]),
            ("", []), ("--:/", []),
        ])
    func pieces(_ text: String, _ expected: [String]) {
        #expect(SearchText.pieces(text).map(\.text) == expected)
    }

    @Test("pieces know where they stand in the original")
    func places() {
        let text = "Mixtral-8x7B 大 Café"
        let scalars = Array(text.unicodeScalars)
        let parts = SearchText.pieces(text).map { piece in String(String.UnicodeScalarView(scalars[piece.range])) }
        #expect(parts == ["Mixtral", "8", "x", "7", "B", "大", "Café"])
    }

    @Test(
        "numbers of parameters as people write them",
        arguments: [
            ("70B", 70_000_000_000 as Int64?), ("7.2b", 7_200_000_000), ("135M", 135_000_000), ("8x7B", 56_000_000_000),
            ("1,300,000", 1_300_000),
            ("7 billion parameters", 7_000_000_000), ("0.5T", 500_000_000_000), ("large", nil), ("", nil), ("1x2x3B", nil), ("-7B", nil),
            ("99999999999T", nil),
        ])
    func parameterCounts(_ text: String, _ expected: Int64?) {
        #expect(ParameterCount.parse(text) == expected)
    }

    @Test("near words are exactly those that one slip away")
    func nearWords() {
        let near = NearWords.around("llama")
        for word in ["lama", "lllama", "llamas", "llaxa", "lalma"] {
            #expect(near.contains(word))
            #expect(NearWords.distance("llama", word) == 1)
        }
        #expect(near.allSatisfy { NearWords.distance("llama", $0) == 1 })
        #expect(NearWords.around("ab").isEmpty)
    }
}

/// A generator whose numbers a test can repeat (SplitMix64, Steele, Lea and Flood 2014).
struct Seeded: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
