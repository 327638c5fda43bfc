import CatapultAPI
import Testing

@testable import CatapultCLI

/// `mcp search`: what is sent, and what a terminal gets to see.
@Suite(.timeLimit(.minutes(1))) struct SearchCommandTests {
    private static let hit = SearchHit(
        type: .version, id: "v-1", name: "llama:1.0", subtitle: "active · Q4_K_M", score: 750, matched: ["name", "release_notes"],
        highlights: [
            SearchHighlight(field: "name", text: "llama:1.0", ranges: [.init(start: 0, end: 5)]),
            SearchHighlight(field: "release_notes", text: "a \u{1B}[31mllama\nof notes", ranges: [.init(start: 7, end: 12)]),
        ], createdAt: Sample.moment)

    private static let results = SearchResults(
        hits: [hit], counts: [.init(type: .model, count: 0, exact: true), .init(type: .version, count: 3, exact: false)], bounded: true,
        corrections: [.init(word: "lama", instead: "llama")])

    private func run(_ arguments: [String], terminal: Int? = nil) async throws -> (Stage, [TestServer.Request]) {
        let body = try Self.results.wireText
        return try await TestServer.serving({ _ in .json(body) }) { server in
            let stage = Stage(environment: ["REGISTRY_URL": server.url, "REGISTRY_API_KEY": "k"], terminalWidth: terminal)
            #expect(await Tool.run(["search"] + arguments, in: stage.surroundings) == .success, "\(stage.errors)")
            return (stage, server.requests)
        }
    }

    @Test func wordsAreOneQuery() async throws {
        let (stage, requests) = try await run(["lama", "params>7B", "--type", "versions", "--limit", "5"])
        #expect(requests.map(\.uri) == ["/api/v1/search?limit=5&q=lama%20params%3E7B&types=version"])
        #expect(stage.output == "version  llama:1.0  active · Q4_K_M\n    release_notes: a [31mllama of notes\n")
        #expect(stage.errors.contains("nothing matches \"lama\"; these match \"llama\""))
        #expect(stage.errors.contains("1 shown; found more than 3 versions. These are the best of the newest"))
    }

    @Test func matchesAreBrightOnATerminalAndNothingElseSteersIt() async throws {
        let (stage, _) = try await run(["lama"], terminal: 80)
        #expect(stage.output.contains("\u{1B}[1mllama\u{1B}[0m:1.0"))
        #expect(!stage.output.contains("\u{1B}[31m"))
    }

    @Test func programsGetTheAnswerAsItIs() async throws {
        let (stage, _) = try await run(["lama", "--format", "json"])
        #expect(try JSONParser.parse(stage.output.utf8)["hits"]?[0]?["highlights"]?[0]?["ranges"]?[0]?["end"] == 5)
        #expect(try await run(["lama", "--quiet"]).0.output == "llama:1.0\n")
    }

    @Test func placesThatDoNotFitTheTextAreLeftUnmarked() {
        let hit = SearchHit(
            type: .model, id: "m", name: "abc", subtitle: "", score: 1, matched: [],
            highlights: [
                .init(field: "name", text: "abc", ranges: [.init(start: 2, end: 9), .init(start: -1, end: 1), .init(start: 2, end: 1)])
            ],
            createdAt: Sample.moment)
        #expect(SearchHitText(hit, style: Style(isColoured: false)).lines(width: nil) == ["model  abc  "])
    }
}
