import Foundation
import Testing

@testable import CatapultAPI

@Suite("JSONParser")
struct JSONParserTests {
    private func parse(_ text: String) throws -> JSONValue { try JSONParser.parse(Array(text.utf8)) }

    @Test(
        "reads what RFC 8259 allows",
        arguments: [
            ("null", JSONValue.null), (" true\r\n", true), ("\tfalse", false), ("0", 0), ("-0", 0), ("-12", -12), ("1.5", 1.5),
            ("1e2", 100.0),
            ("1E+2", 100.0), ("25e-1", 2.5), ("9223372036854775807", .int(.max)), ("-9223372036854775808", .int(.min)),
            ("9223372036854775808", .double(9.223372036854775808e18)), (#""""#, ""), (#""a\"\\\/\b\f\n\r\t""#, "a\"\\/\u{8}\u{c}\n\r\t"),
            (#""\u0041\u00e9\u20AC""#, "Aé€"), (#""\ud83d\ude00""#, "😀"), ("\"é😀\u{7f}\"", "é😀\u{7f}"), (#""\u0000""#, "\0"), ("[]", []),
            ("{}", [:]),
            ("[1,[2,[]],{}]", [1, [2, []], [:]]), (#"{"a":1,"a":2}"#, ["a": 2]), (#"{ "a" : [ ] , "" : null }"#, ["a": [], "": nil]),
        ] as [(String, JSONValue)])
    func good(text: String, value: JSONValue) throws {
        #expect(try parse(text) == value)
    }

    @Test(
        "refuses everything else and says where",
        arguments: [
            ("", 0, "the text ends where a value is expected"), ("  ", 2, "the text ends where a value is expected"),
            ("tru", 0, "expected true"),
            ("nul!", 0, "expected null"), ("[1,]", 3, "expected a value"), ("[1 2]", 3, "expected ',' or ']' in the array"),
            ("[", 1, "the text ends where a value is expected"), ("{", 1, "expected a member name in double quotes"),
            (#"{"a"}"#, 4, "expected ':' after the member name"), (#"{"a":}"#, 5, "expected a value"),
            (#"{"a":1,}"#, 7, "expected a member name in double quotes"), (#"{'a':1}"#, 1, "expected a member name in double quotes"),
            (#"{"a":1"#, 6, "expected ',' or '}' in the object"), ("01", 1, "a number has no leading zero"), ("-", 1, "expected a digit"),
            ("1.", 2, "expected a digit"), (".5", 0, "expected a value"), ("+1", 0, "expected a value"), ("1e", 2, "expected a digit"),
            ("1e999", 0, "the number is out of range"), ("NaN", 0, "expected a value"), ("1 2", 2, "nothing may follow the value"),
            ("\"a", 2, "the string is not closed"), ("\"a\\", 3, "the string is not closed"),
            ("\"a\nb\"", 2, "a control character must be escaped in a string"), (#""\x""#, 2, "unknown escape in a string"),
            (#""\u12g4""#, 3, "expected four hexadecimal digits"), (#""\u12""#, 3, "expected four hexadecimal digits"),
            (#""\ud800""#, 3, "half of a surrogate pair stands alone"), (#""\udc00""#, 3, "half of a surrogate pair stands alone"),
            (#""\ud800\u0041""#, 3, "half of a surrogate pair stands alone"), ("[1]]", 3, "nothing may follow the value"),
            ("// c\n1", 0, "expected a value"), ("\u{feff}1", 0, "expected a value"),
        ])
    func bad(text: String, offset: Int, reason: String) throws {
        #expect(throws: JSONParser.Failure(offset: offset, reason: reason)) { try parse(text) }
    }

    @Test(
        "refuses what is not UTF-8",
        arguments: [[0x80], [0xC3], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFF]] as [[UInt8]])
    func notUTF8(bytes: [UInt8]) {
        #expect(throws: JSONParser.Failure(offset: 1, reason: "the string is not valid UTF-8")) {
            try JSONParser.parse([0x22] + bytes + [0x22])
        }
    }

    @Test("holds its limit of depth, and no stack is lost on the way there")
    func depth() throws {
        func nested(_ count: Int) -> String { String(repeating: "[", count: count) + String(repeating: "]", count: count) }
        #expect(throws: Never.self) { try parse(nested(JSONParser.maximumDepth)) }
        #expect(throws: JSONParser.Failure(offset: 128, reason: "nesting is deeper than 128 levels")) { try parse(nested(129)) }
        #expect(throws: JSONParser.Failure.self) { try parse(String(repeating: "[{\"a\":", count: 1_000_000)) }
    }

    @Test("reads any sequence of bytes, also one that does not lie in one piece")
    func sequences() throws {
        let bytes = Array(#"{"a":[1,"é"]}"#.utf8)
        #expect(try JSONParser.parse(AnySequence(bytes)) == ["a": [1, "é"]])
        #expect(try JSONParser.parse(bytes[...]) == ["a": [1, "é"]])
    }

    @Test(
        "random values survive the way through text, every truncation is an error, and Foundation agrees",
        arguments: 0..<40 as Range<UInt64>)
    func fuzz(seed: UInt64) throws {
        var random = SplitMix(state: seed)
        let value = JSONValue.object(["root": randomValue(depth: 4, &random)])
        let bytes = value.jsonBytes
        #expect(try JSONParser.parse(bytes) == value)
        #expect(
            try JSONSerialization.jsonObject(with: Data(bytes)) as? NSDictionary == foundation(value) as? NSDictionary, "\(value.jsonText)")
        for length in 0..<bytes.count {
            #expect(throws: JSONParser.Failure.self) { try JSONParser.parse(bytes[..<length]) }
        }
    }

    @Test("every finite double survives the way through text", arguments: 0..<10 as Range<UInt64>)
    func doubles(seed: UInt64) throws {
        var random = SplitMix(state: seed)
        for _ in 0..<1_000 {
            let number = Double(bitPattern: random.next())
            guard number.isFinite else { continue }
            #expect(try JSONParser.parse(JSONValue.double(number).jsonBytes).doubleValue == number)
        }
    }

    @Test("bytes changed at random never crash the parser, and what it accepts Foundation accepts", arguments: 0..<40 as Range<UInt64>)
    func mutations(seed: UInt64) throws {
        var random = SplitMix(state: seed &+ 1_000)
        let original = JSONValue.object(["root": randomValue(depth: 3, &random)]).jsonBytes
        let alphabet = Array(#"{}[]",:\u0123eE+-.tfn "#.utf8) + [0, 0x80, 0xC3, 0xFF]
        var accepted = 0
        for _ in 0..<200 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
            }
            do {
                _ = try JSONParser.parse(bytes)
                accepted += 1
                #expect(throws: Never.self, "\(String(decoding: bytes, as: UTF8.self))") {
                    try JSONSerialization.jsonObject(with: Data(bytes))
                }
            } catch {
                #expect(error.offset >= 0 && error.offset <= bytes.count)
            }
        }
        #expect(accepted < 200)
    }

    private func randomValue(depth: Int, _ random: inout SplitMix) -> JSONValue {
        switch Int.random(in: 0..<(depth == 0 ? 5 : 7), using: &random) {
        case 0: return .null
        case 1: return .bool(.random(using: &random))
        case 2: return .int(Int64(truncatingIfNeeded: random.next() >> UInt64.random(in: 0..<64, using: &random)))
        // Eighths: Foundation on Linux reads longer fractions a unit in the last place off.
        case 3: return .double(Double(Int.random(in: -1_000_000...1_000_000, using: &random)) / 8)
        case 4: return .string(randomText(&random))
        case 5: return .array((0..<Int.random(in: 0..<5, using: &random)).map { _ in randomValue(depth: depth - 1, &random) })
        default:
            let members = (0..<Int.random(in: 0..<5, using: &random)).map { _ in
                (randomText(&random), randomValue(depth: depth - 1, &random))
            }
            return .object(Dictionary(members) { first, _ in first })
        }
    }

    private func randomText(_ random: inout SplitMix) -> String {
        let characters = Array("ab\"\\/\u{1}\n\t\u{1f}é€😀 zß") as [Character]
        return String(
            (0..<Int.random(in: 0..<8, using: &random)).map { _ in characters[Int.random(in: 0..<characters.count, using: &random)] })
    }

    private func foundation(_ value: JSONValue) -> Any {
        switch value {
        case .null: NSNull()
        case .bool(let flag): NSNumber(value: flag)
        case .int(let number): NSNumber(value: number)
        case .double(let number): NSNumber(value: number)
        case .string(let text): text
        case .array(let elements): elements.map(foundation)
        case .object(let members): members.mapValues(foundation)
        }
    }
}

/// A generator that gives the same numbers each time, so that a failure can be seen again.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
