import Foundation
import Testing

@testable import CatapultAPI

private struct Everything: Codable, Equatable {
    enum Mode: String, Codable, CaseIterable { case fast, lowCost = "low-cost" }
    struct Inner: Codable, Equatable {
        var endpointURL: String
        var maybe: Int?
    }
    var isGPUReady = true
    var text = "a\"\\\n\u{1}é😀/"
    var int = -7
    var small: UInt8 = 255
    var large = Int64.max
    var unsigned = UInt64(Int64.max)
    var double = 1.5
    var float: Float = 0.25
    var whole = 3.0
    var mode = Mode.lowCost
    var nothing: String?
    var optionalText: String? = "x"
    var optionalMode: Mode? = .fast
    var optionalFloat: Float?
    var list = [Inner(endpointURL: "u", maybe: 1), Inner(endpointURL: "v", maybe: nil)]
    var texts = ["b", "a"]
    var holes: [Int?] = [1, nil]
    var matrix = [[1, 2], []]
    var variables = ["PATH_A": "1", "camelCase": "2"]
    var inners = ["firstKey": Inner(endpointURL: "w", maybe: nil)]
    var metadata: [String: JSONValue] = ["aB": [1, nil, ["c": 2.5]]]
    var any: JSONValue = [true]
    var moment = Timestamp(microseconds: 1_795_000_000_123_456)
}

@Suite("WireEncoder and WireDecoder")
struct WireCodingTests {
    private func text(_ value: some Encodable, nils: WireEncoder.NilStrategy = .writeNull) throws -> String {
        String(decoding: try WireEncoder.encode(value, nils: nils), as: UTF8.self)
    }

    @Test("writes snake case, null for nil, data keys as they are")
    func shape() throws {
        let value = try JSONParser.parse(WireEncoder.encode(Everything()))
        #expect(value["is_gpu_ready"] == true)
        #expect(value["nothing"] == .null)
        #expect(value["optional_float"] == .null)
        #expect(value["optional_text"] == "x")
        #expect(value["mode"] == "low-cost")
        #expect(value["list"] == [["endpoint_url": "u", "maybe": 1], ["endpoint_url": "v", "maybe": nil]])
        #expect(value["holes"] == [1, nil])
        #expect(value["matrix"] == [[1, 2], []])
        #expect(value["variables"] == ["PATH_A": "1", "camelCase": "2"])
        #expect(value["inners"] == ["firstKey": ["endpoint_url": "w", "maybe": nil]])
        #expect(value["metadata"] == ["aB": [1, nil, ["c": 2.5]]])
        #expect(value["any"] == [true])
        #expect(value["moment"]?.stringValue == "2026-11-18T11:06:40.123456Z")
        #expect(value["unsigned"] == .int(.max))
        #expect(value.objectValue?.count == 23)
    }

    @Test("agrees with Foundation's encoder, names and omitted nils aside")
    func foundationAgrees() throws {
        let ours = try JSONSerialization.jsonObject(with: Data(WireEncoder.encode(Everything(), nils: .omit))) as? [String: Any]
        let theirs = try JSONSerialization.jsonObject(with: JSONEncoder().encode(Everything())) as? [String: Any]
        let renamed = Dictionary(try #require(theirs).map { (WireName.snakeCase($0.key), $0.value) }) { first, _ in first }
        for (name, value) in renamed where !["list", "inners"].contains(name) {
            #expect(ours?[name] as? NSObject == value as? NSObject, "\(name)")
        }
        #expect(ours?.count == renamed.count)
    }

    @Test("reads back what it wrote")
    func roundTrip() throws {
        let original = Everything()
        #expect(try WireDecoder.decode(Everything.self, from: WireEncoder.encode(original)) == original)
        #expect(try WireDecoder.decode(Everything.self, from: WireEncoder.encode(original, nils: .omit)) == original)
    }

    @Test("writes bare values, empty containers and numbers that JSON does not have")
    func bare() throws {
        #expect(try text(7) == "7")
        #expect(try text("a") == #""a""#)
        #expect(try text([Int]()) == "[]")
        #expect(try text([String]()) == "[]")
        #expect(try text([String: Int]()) == "{}")
        #expect(try text(Optional<Int>.none) == "null")
        #expect(try text([Double.nan, .infinity, -0.0, 1e300]) == "[null,null,-0.0,1e+300]")
        #expect(try text(Streamed()) == "{}")
        #expect(try text(DiskUsageItem(count: nil, sizeBytes: 0), nils: .omit) == #"{"size_bytes":0,"size_human":"0 B"}"#)
    }

    @Test("escapes what must be escaped and nothing else")
    func escapes() throws {
        #expect(try text("\"\\\n\r\t\u{8}\u{0}\u{1f}\u{7f}/é\u{2028}😀") == "\"\\\"\\\\\\n\\r\\t\\u0008\\u0000\\u001f\u{7f}/é\u{2028}😀\"")
    }

    @Test("equal values have equal texts")
    func stable() {
        let value: JSONValue = ["b": 1, "a": ["d": nil, "c": [1, 2.0]]]
        #expect(value.jsonText == #"{"a":{"c":[1,2.0],"d":null},"b":1}"#)
    }

    @Test(
        "a problem names the place and what is allowed",
        arguments: [
            (#"{"name":1}"#, "name", "must be a string, but is an integer", FieldProblem.Kind.string),
            (#"{}"#, "name", "is required", .missing), (#"{"name":null}"#, "name", "is required", .missing),
            (#"{"name":"a","resources":[]}"#, "resources", "must be an object, but is an array", .object),
            (#"{"name":"a","resources":{"gpu":1.5}}"#, "resources.gpu", "must be an integer", .integer),
            (#"{"name":"a","resources":{"gpu":1e19}}"#, "resources.gpu", "must be an integer from \(Int.min) to \(Int.max)", .integer),
            (#"{"name":"a","resources":{"cpu":true}}"#, "resources.cpu", "must be a number, but is a boolean", .number),
            (#"{"name":"a","type":"tpu"}"#, "type", "must be one of cpu, gpu", .enumeration),
        ] as [(String, String, String, FieldProblem.Kind)])
    func problems(body: String, field: String, message: String, kind: FieldProblem.Kind) throws {
        let problem = try #require(throws: FieldProblem.self) { try WireDecoder.decode(CreateEnvironment.self, from: Array(body.utf8)) }
        #expect(problem.field == field)
        #expect(problem.message == message)
        #expect(problem.kind == kind)
    }

    @Test("whole numbers written with a fraction are integers, null beside a default is absent")
    func lenient() throws {
        let call = try WireDecoder.decode(
            CreateEnvironment.self, from: Array(#"{"name":"a","resources":{"gpu":2.0,"cpu":1},"type":null}"#.utf8))
        #expect(call.resources == ResourceRequest(cpu: 1, gpu: 2))
        #expect(call.type == nil)
    }

    @Test("a moment that is none is a problem, not a crash")
    func moment() throws {
        let problem = try #require(throws: FieldProblem.self) {
            try WireDecoder.decode(CreateAPIKey.self, from: ["name": "a", "expires_at": "soon"])
        }
        #expect(problem.sentence == "expires_at is not a date and time of RFC 3339, such as 2026-11-20T22:59:13Z")
    }

    private struct Parameters: Decodable {
        var flag: Bool
        var count: Int
        var share: Double
        var names: [String]
        var sizes: [Int]
    }

    @Test(
        "parameters are text that reads as what is wanted",
        arguments: [("true", true), ("1", true), ("YES", true), ("off", false), ("0", false)])
    func parameters(text: String, flag: Bool) throws {
        let value: JSONValue = ["flag": .string(text), "count": "-3", "share": "0.5", "names": "a,b", "sizes": ["1", "2"]]
        let parameters = try WireDecoder.decode(Parameters.self, from: value, source: .parameters)
        #expect(parameters.flag == flag)
        #expect(parameters.count == -3)
        #expect(parameters.share == 0.5)
        #expect(parameters.names == ["a", "b"])
        #expect(parameters.sizes == [1, 2])
    }

    @Test("answers are read without holding the rules of requests: an older server may have older rules")
    func answers() throws {
        let answer = try WireDecoder.decode(ModelOption.self, from: ["id": "1", "name": "with space", "later": 1])
        #expect(answer == ModelOption(id: "1", name: "with space"))
    }
}
