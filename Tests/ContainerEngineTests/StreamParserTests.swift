import NIOCore
import Testing

@testable import ContainerEngine

@Suite("Stream parsers")
struct StreamParserTests {
    private let build = #"""
        {"stream":"Step 1/2 : FROM base\n"}
        {"status":"Pulling","id":"abc","progress":"[=>  ]","progressDetail":{"current":1,"total":2}}
        {"stream":"braces } { and \"quotes\\\" \\"}{"stream":"é\n"}
        {"aux":{"ID":"sha256:0123"}}
        {"unknown":[1,[2]]}

        """#

    private var expected: [ImageBuildProgress] {
        [
            .output("Step 1/2 : FROM base\n"), .status(id: "abc", text: "Pulling", progress: "[=>  ]"),
            .output(#"braces } { and "quotes\" \"#), .output("é\n"), .image(id: "sha256:0123"),
        ]
    }

    private func parse<Parser: StreamParser>(_ pieces: [[UInt8]], with parser: Parser) throws -> [Parser.Element] {
        var parser = parser
        var elements: [Parser.Element] = []
        for piece in pieces { elements += try parser.consume(ByteBuffer(bytes: piece)) }
        return try elements + parser.finish()
    }

    @Test("reads a build's messages wherever they are cut in two")
    func everySplitPoint() throws {
        let bytes = Array(build.utf8)
        for point in 0...bytes.count {
            #expect(
                try parse([Array(bytes[..<point]), Array(bytes[point...])], with: ImageMessageParser.build) == expected, "cut at \(point)")
        }
        #expect(try parse(bytes.map { [$0] }, with: ImageMessageParser.build) == expected)
    }

    @Test("tells a failed step with its exit code, a full disk, and other failures")
    func failures() {
        let failed = #"{"errorDetail":{"code":3,"message":"The command '/bin/sh -c exit 3' returned a non-zero code: 3"},"error":"…"}"#
        #expect(
            throws: ContainerEngineError.buildFailed(message: "The command '/bin/sh -c exit 3' returned a non-zero code: 3", exitCode: 3)
        ) { try parse([Array(failed.utf8)], with: ImageMessageParser.build) }
        #expect(throws: ContainerEngineError.buildFailed(message: "no such stage", exitCode: nil)) {
            try parse([Array(#"{"error":"no such stage"}"#.utf8)], with: ImageMessageParser.build)
        }
        let full = "write /x: no space left on device"
        #expect(throws: ContainerEngineError.noSpace(message: full)) {
            try parse([Array(#"{"errorDetail":{"message":"\#(full)"}}"#.utf8)], with: ImageMessageParser.build)
        }
    }

    @Test("does not take a stream that is cut off, or ends without an image, for a success")
    func cutOff() {
        #expect(throws: ContainerEngineError.unexpectedResponse(message: "The engine's build ended without an image.")) {
            try parse([Array(#"{"stream":"x"}"#.utf8)], with: ImageMessageParser.build)
        }
        #expect(throws: ContainerEngineError.unexpectedResponse(message: "The engine's stream ends in the middle of a JSON object.")) {
            try parse([Array(#"{"aux":{"ID":"x"}} {"str"#.utf8)], with: ImageMessageParser.build)
        }
    }

    @Test("limits the size and depth of objects, and refuses what is none", arguments: ["[1]", "<html>", "}", "\0"])
    func limits(text: String) {
        #expect(throws: ContainerEngineError.self) {
            var splitter = JSONObjectSplitter()
            _ = try splitter.consume(ByteBuffer(string: text))
        }
        #expect(throws: ContainerEngineError.self) {
            var splitter = JSONObjectSplitter(maximumObjectBytes: 16)
            _ = try splitter.consume(ByteBuffer(string: #"{"a":"0123456789"}"#))
        }
        #expect(throws: ContainerEngineError.self) {
            var splitter = JSONObjectSplitter(maximumDepth: 3)
            _ = try splitter.consume(ByteBuffer(string: #"{"a":[[[1]]]}"#))
        }
    }

    @Test("reads events, with the health apart")
    func events() throws {
        let text = #"""
            {"status":"health_status: healthy","id":"c1","Type":"container","Action":"health_status: healthy","Actor":{"ID":"c1","Attributes":{"name":"web"}},"scope":"local","time":1795250702,"timeNano":1795250702123456789}
            {"Type":"container","Action":"exec_start: /bin/sh -c check: now","Actor":{"ID":"c1","Attributes":null},"time":1795250703}
            {"Type":"container","Action":"oom","Actor":{"ID":"c1"},"time":1}
            {"Type":"builder","Action":"prune","Actor":{"ID":""},"time":2}
            """#
        let events = try parse([Array(text.utf8)], with: EventParser())
        #expect(events.map(\.action) == [.healthStatus(.healthy), .exec("start"), .outOfMemory, .other("prune")])
        #expect(events.map(\.subject) == [.container, .container, .container, .other("builder")])
        #expect(events.first?.attributes == ["name": "web"])
        #expect(events.map(\.time.description) == ["1795250702.123456789", "1795250703.000000000", "1.000000000", "2.000000000"])
        #expect(EngineEvent.Action("health_status: unhealthy") == .healthStatus(.unhealthy))
        #expect(EngineEvent.Action("health_status: odd") == .healthStatus(.unknown))
    }
}
