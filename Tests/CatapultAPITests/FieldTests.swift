import Testing

@testable import CatapultAPI

@Suite("Rules of fields")
struct FieldTests {
    @Test(
        "hold values of their kind and leave others to the decoder",
        arguments: [
            (.length(1...3), "", "must not be empty"), (.length(1...3), "abcd", "must have 1 to 3 characters, but has 4"),
            (.length(1...3), "😀😀😀", nil),
            (.length(1...3), .string("e" + String(repeating: "\u{301}", count: 9)), "must have 1 to 3 characters, but has 10"),
            (.length(1...2), [1, 2, 3], "must have 1 to 2 elements, but has 3"),
            (.length(0...1), ["a": 1, "b": 2], "must have 0 to 1 members, but has 2"),
            (.length(1...3), 5, nil), (.range(0...1), 1.5, "must be from 0 to 1, but is 1.5"), (.range(0...1), 1, nil),
            (.range(0...1), "7", nil), (.range(0...9e18), 9_000_000_000_000_000_000, nil),
            (.range(0...9e18), 9_000_000_000_000_000_001, "must be from 0 to 9000000000000000000, but is 9000000000000000001"),
            (.range(0.5...1), 0, "must be from 0.5 to 1, but is 0"),
            (.text(.sha256), "ABC", "must be 64 hexadecimal digits in lower case"), (.text(.plainName), 5, nil),
            (
                .text(.plainName), .string(String(repeating: "a", count: 101)),
                "must be letters, digits, '.', '_' and '-', beginning with a letter or digit, at most 100 characters"
            ),
        ] as [(Field.Rule, JSONValue, String?)])
    func rules(rule: Field.Rule, value: JSONValue, message: String?) {
        #expect(rule.problem(with: value, at: ["x"])?.message == message)
    }

    @Test("numbers in queries are text")
    func queryNumbers() {
        #expect(Field.Rule.range(1...5).problem(with: "9", at: ["x"], part: .query)?.message == "must be from 1 to 5, but is 9")
        #expect(Field.Rule.range(1...9e18).problem(with: "9000000000000000001", at: ["x"], part: .query) != nil, "no double is this number")
        #expect(Field.Rule.range(1...5).problem(with: "many", at: ["x"], part: .query) == nil)
        #expect(Field.Rule.range(1...5).problem(with: "nan", at: ["x"], part: .query) == nil)
    }

    private static let textRules: [TextRule] = [
        .name, .plainName, .version, .sha256, .imageTag, .byteCount, .alias, .reference, .packageURL,
    ]

    @Test("the written test of each text rule says what its expression says", arguments: 0..<9)
    func agreement(index: Int) throws {
        let rule = Self.textRules[index]
        let expression = try Regex(rule.pattern)
        let seeds = [
            "", "a", "A", "0", "_x", "-x", "gpt-model", "org/gpt", "1.0+build", "team/gpt-model:1.0", "host.example:5000/team/gpt:1.0",
            "host:x/gpt:1", "gpt:",
            ":1", "gpt", "a/:1", "a//b:1", ".host/a:1", "a:5000/b", "gpt-:1", "é:1", "512Mi", "8g", "1.5GiB", "1.", ".5k", "8bb", "8kb",
            "1i", "a\nb", "a\n",
            String(repeating: "0123456789abcdef", count: 4), String(repeating: "F", count: 64), "/a:1", "a:1:2", "h:1/a:2", "UP/a:1",
            "a/UP:1", "v1", "V2x", "vx", "production", "blue.green-2", "https://host.example/a?b#c", "s3://bucket", "hf://org/data@main",
            "http://user@host/", "http://host\\x/", "ftp://h", "javascript://x", "https:///x", "pkg:pypi/vllm@0.9.1", "pkg:/x", "pkg:a/",
        ]
        let alphabet = Array("a0A_-./:+gGiKbB\n é") as [Character]
        var random = SplitMix(state: UInt64(index))
        var accepted = 0
        for _ in 0..<3_000 {
            var text = Array(seeds[Int.random(in: 0..<seeds.count, using: &random)])
            for _ in 0..<Int.random(in: 0...2, using: &random) {
                let character = alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
                let place = Int.random(in: 0...text.count, using: &random)
                if place < text.count, Bool.random(using: &random) { text[place] = character } else { text.insert(character, at: place) }
            }
            let candidate = String(text)
            let expected = candidate.wholeMatch(of: expression) != nil && candidate.unicodeScalars.count <= rule.maximumLength
            #expect(rule.matches(candidate) == expected, "\(rule.pattern) on \(candidate.debugDescription)")
            if expected { accepted += 1 }
        }
        #expect(accepted > 20)
    }

    @Test("each rule has its longest text")
    func longest() {
        #expect(TextRule.name.matches(String(repeating: "a", count: 255)))
        #expect(!TextRule.name.matches(String(repeating: "a", count: 256)))
    }
}

@Suite("CatapultError")
struct CatapultErrorTests {
    @Test(
        "survives the way through the wire",
        arguments: [
            .notFound(.model, "gpt", candidates: ["gpt-model", "gpt2"]), .notFound(.apiKey, "k"),
            .alreadyExists(.version, "1.0", details: ["model_name": "gpt"]),
            .invalid(field: "resources.gpu", "needs 4 GPUs, there are 0", hint: "Use cpu."),
            .conflict("not_running", type: "DeploymentNotRunningError", "it is stopped", details: ["current_status": "stopped"]),
            .unauthenticated("Missing API key"), .forbidden(required: .operator), .storageFull("uploading"),
            .internalError(requestID: "r1"),
        ] as [CatapultError])
    func roundTrip(error: CatapultError) throws {
        let body = try JSONParser.parse(error.body().jsonBytes)
        #expect(CatapultError(status: error.status, body: body) == error)
    }

    @Test("keeps problems, their parts and places")
    func problems() throws {
        let error = CatapultError.unprocessable([
            FieldProblem(kind: .range, location: ["files", "3", "size_bytes"], message: "must be from 0 to 9, but is -1", input: -1),
            FieldProblem(kind: .missing, part: .query, location: ["model_name"], message: "is required"),
            FieldProblem(kind: .json, location: ["17"], message: "the body is not JSON: expected a value, at byte 17"),
            FieldProblem(kind: .object, location: [], message: "must be an object, but is an array"),
        ])
        let body = error.body()
        #expect(body["detail"]?[0]?["loc"] == ["body", "files", 3, "size_bytes"])
        #expect(body["detail"]?[1]?["loc"] == ["query", "model_name"])
        #expect(body["detail"]?[1]?["msg"] == "model_name is required")
        #expect(body["error_type"] == "RequestValidationError")
        #expect(CatapultError(status: 422, body: body) == error)
    }

    @Test("what was sent is echoed only where it is short")
    func echo() {
        let long = FieldProblem(kind: .length, location: ["a"], message: "m", input: .string(String(repeating: "x", count: 10_000)))
        let deep = FieldProblem(kind: .missing, location: ["a"], message: "m", input: ["secret": "s"])
        let body = CatapultError.unprocessable([long, deep]).body()
        #expect(body["detail"]?[0]?["input"]?.stringValue?.count == 200)
        #expect(body["detail"]?[1]?["input"] == .null)
    }

    @Test(
        "understands the bodies of other servers as far as they go",
        arguments: [("null", "the server answered with status 502"), (#"{"detail":"Not Found"}"#, "Not Found")])
    func foreign(text: String, message: String) throws {
        let error = CatapultError(status: 502, body: try JSONParser.parse(Array(text.utf8)))
        #expect(error.message == message)
        #expect(error.code == "http_502")
    }

    @Test("the names of the wire contract")
    func names() {
        #expect(CatapultError.notFound(.build, "b").type == "DockerBuildNotFoundError")
        #expect(CatapultError.notFound(.build, "b").message == "Build not found: b")
        #expect(CatapultError.notFound(.model, "m").code == "model_not_found")
        #expect(CatapultError.forbidden(required: .admin).message == "Insufficient permissions. Required role: admin")
        #expect(CatapultError.unavailable("Docker", "no socket", hint: "Start it.").retryAfter == 5)
    }
}
