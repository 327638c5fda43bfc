import CatapultAPI
import SQLDatabase
import Testing

@testable import CatapultServer

/// What a search finds, in which order, and how it is shown.
@Suite("Search")
struct SearchTests {
    private func search(
        _ core: CoreFixture, _ q: String, types: [String]? = nil, limit: Int? = nil, scope: KeyScope = .everything
    ) async throws -> SearchResults {
        try await SearchService(database: core.database).search(Search(q: q, types: types, limit: limit), for: scope)
    }

    private func names(_ core: CoreFixture, _ q: String, types: [String]? = nil) async throws -> [String] {
        try await search(core, q, types: types).hits.map(\.name)
    }

    /// A small registry in which every kind of match occurs.
    private func stock(_ core: CoreFixture) async throws {
        let context = CoreFixture.context("create_model")
        let models = [
            CreateModel(
                name: "meta/llama-3.1-8b", storagePath: "m/1", company: "Meta", parameterCount: "8B",
                description: "A large language model.",
                tags: ["chat", "prod"], metadata: ["license": "llama-community"], serverType: .vllm),
            CreateModel(name: "llama", storagePath: "m/2", parameterCount: "70B", tags: ["base"], serverType: .llamaCpp),
            CreateModel(name: "llamafile-tools", storagePath: "m/3", parameterCount: "135M"),
            CreateModel(
                name: "mistral-7b", storagePath: "m/4", parameterCount: "7.2B", description: "Compared with llama in every respect.",
                tags: ["chat"], metadata: ["license": "apache-2.0"]),
            CreateModel(name: "whisper", storagePath: "m/5", description: "Spracherkennung für Übersetzer, 语音识别模型", tags: ["llama"]),
        ]
        for model in models { _ = try await core.models.create(model, context) }
        for (model, version, size) in [("llama", "1.0", 5), ("llama", "2.0", 50), ("mistral-7b", "1.0.3", 500)] {
            _ = try await core.versions.create(
                CreateVersion(
                    modelName: model, version: version, quantization: model == "llama" ? "Q4_K_M" : nil, sizeBytes: Int64(size) << 30,
                    releaseNotes: "Notes on tokenizers", isRelease: version == "2.0"), context)
        }
    }

    private func with(_ body: (CoreFixture) async throws -> Void) async throws {
        try await CoreFixture.with { core async throws in
            try await stock(core)
            try await body(core)
        }
    }

    @Test("exact name, beginning of the name, word of the name, tag, other text: in this order")
    func ranking() async throws {
        try await with { core async throws in
            #expect(
                try await names(core, "llama", types: ["models"])
                    == ["llama", "meta/llama-3.1-8b", "llamafile-tools", "whisper", "mistral-7b"])
        }
    }

    @Test("all words must occur, in any field, each at its best place")
    func allWords() async throws {
        try await with { core async throws in
            #expect(try await names(core, "llama language", types: ["model"]) == ["meta/llama-3.1-8b"])
            #expect(try await names(core, "llama nonsense").isEmpty)
            #expect(try await names(core, "LLAMA-3.1", types: ["model"]) == ["meta/llama-3.1-8b"])
            #expect(try await names(core, "llama3", types: ["model"]) == ["meta/llama-3.1-8b"])
        }
    }

    @Test("the last word may be the beginning of one; a finished word may not")
    func prefixes() async throws {
        try await with { core async throws in
            #expect(try await names(core, "whis") == ["whisper"])
            #expect(try await names(core, "whis ").isEmpty)
            #expect(try await names(core, "whis* tag:llama") == ["whisper"])
            #expect(try await names(core, "mistral-7", types: ["model"]) == ["mistral-7b"])
            // Every model has `source:manual`, which is no word.
            for beginning in ["sour", "licen", "server"] { #expect(try await names(core, beginning).isEmpty, "\(beginning)") }
        }
    }

    @Test("one hit is the first of twenty")
    func fewHits() async throws {
        try await with { core async throws in
            let context = CoreFixture.context("create_model")
            for (number, tags) in [["rare"], [], [], [], [], [], []].enumerated() {
                _ = try await core.models.create(
                    CreateModel(name: "m\(number)", storagePath: "m", description: "A rare thing.", tags: tags), context)
            }
            for q in ["rare", "rar"] {
                #expect(try await search(core, q, limit: 1).hits.map(\.name) == ["m0"])
                #expect(try await search(core, q, limit: 20).hits.first?.name == "m0")
            }
        }
    }

    @Test("phrases, negation, and words of the name only")
    func operators() async throws {
        try await with { core async throws in
            #expect(try await names(core, "\"large language\"") == ["meta/llama-3.1-8b"])
            #expect(try await names(core, "\"language large\"").isEmpty)
            #expect(try await names(core, "llama -tag:chat -name:llama ", types: ["model"]) == ["whisper"])
            #expect(try await names(core, "name:llama*", types: ["model"]).sorted() == ["llama", "llamafile-tools", "meta/llama-3.1-8b"])
        }
    }

    @Test("properties and numbers, alone and with words")
    func properties() async throws {
        try await with { core async throws in
            #expect(try await names(core, "tag:chat", types: ["model"]) == ["mistral-7b", "meta/llama-3.1-8b"])
            #expect(try await names(core, "server_type:vllm", types: ["model"]) == ["meta/llama-3.1-8b"])
            #expect(try await names(core, "license:apache-2.0", types: ["model"]) == ["mistral-7b"])
            #expect(try await names(core, "params>7B", types: ["model"]) == ["mistral-7b", "llama", "meta/llama-3.1-8b"])
            #expect(try await names(core, "params<1B", types: ["model"]) == ["llamafile-tools"])
            #expect(try await names(core, "llama params>7B params<10B", types: ["model"]) == ["meta/llama-3.1-8b", "mistral-7b"])
            #expect(try await names(core, "size>10GB", types: ["version"]) == ["mistral-7b:1.0.3", "llama:2.0"])
            #expect(try await names(core, "release:true") == ["llama:2.0"])
            #expect(try await names(core, "created>2020-01-01 tag:base", types: ["model"]) == ["llama"])
            #expect(try await names(core, "created<2020-01-01").isEmpty)
            #expect(try await names(core, "-tag:chat -tag:base", types: ["model"]) == ["whisper", "llamafile-tools"])
        }
    }

    @Test("versions are found by their own words, by their model's, and by both; model:version is both")
    func versions() async throws {
        try await with { core async throws in
            #expect(try await names(core, "name:llama", types: ["version"]) == ["llama:2.0", "llama:1.0"])
            #expect(try await names(core, "llama 1.0", types: ["version"]) == ["llama:1.0", "mistral-7b:1.0.3"])
            #expect(try await names(core, "llama:2.0").first == "llama:2.0")
            #expect(try await names(core, "1.0", types: ["version"]) == ["mistral-7b:1.0.3", "llama:1.0"])
            #expect(try await names(core, "q4_k_m", types: ["version"]) == ["llama:2.0", "llama:1.0"])
            #expect(try await names(core, "tokenizers tag:chat") == ["mistral-7b:1.0.3"])
            #expect(try await names(core, "params>60B", types: ["version"]) == ["llama:2.0", "llama:1.0"])
            #expect(try await names(core, "quantization:q4_k_m release:false") == ["llama:1.0"])
        }
    }

    @Test("an alias leads to its version, as a word, as a field and behind the model's name, and moves with it")
    func aliases() async throws {
        try await with { core async throws in
            let life = VersionLifeService(database: core.database)
            let context = CoreFixture.context("set_version_alias")
            _ = try await life.setAlias(SetVersionAlias(modelID: "llama", alias: "production", version: "1.0"), context)
            #expect(try await names(core, "production") == ["llama:1.0"])
            #expect(try await names(core, "alias:production") == ["llama:1.0"])
            #expect(try await names(core, "llama alias:production") == ["llama:1.0"])
            #expect(try await search(core, "production").hits.first?.matched == ["alias"])
            _ = try await life.setAlias(SetVersionAlias(modelID: "llama", alias: "production", version: "2.0"), context)
            #expect(try await names(core, "alias:production") == ["llama:2.0"])
        }
    }

    @Test("case, accents and scripts without spaces")
    func scripts() async throws {
        try await with { core async throws in
            #expect(try await names(core, "UBERSETZER") == ["whisper"])
            #expect(try await names(core, "übersetzer") == ["whisper"])
            #expect(try await names(core, "识别") == ["whisper"])
            #expect(try await names(core, "别识").isEmpty)
        }
    }

    @Test("a slip is forgiven where nothing matches, and named")
    func slips() async throws {
        try await with { core async throws in
            let results = try await search(core, "mistrl", types: ["model"])
            #expect(results.hits.map(\.name) == ["mistral-7b"])
            #expect(results.corrections == [SearchCorrection(word: "mistrl", instead: "mistral")])
            #expect(try await search(core, "mistral").corrections.isEmpty)
            #expect(try await search(core, "zzzzqqq").hits.isEmpty)
        }
    }

    @Test("highlights are places in the original text")
    func highlights() async throws {
        try await with { core async throws in
            let hit = try #require(try await search(core, "large meta", types: ["model"]).hits.first)
            #expect(hit.matched == ["name", "description", "company"])
            let marked = hit.highlights.map { highlight in
                let scalars = Array(highlight.text.unicodeScalars)
                return highlight.ranges.map { String(String.UnicodeScalarView(scalars[$0.start..<$0.end])) }
            }
            #expect(marked == [["meta"], ["large"], ["Meta"]])
            let version = try #require(try await search(core, "llama:1.0").hits.first)
            #expect(
                version.highlights.first
                    == SearchHighlight(field: "name", text: "llama:1.0", ranges: [.init(start: 0, end: 5), .init(start: 6, end: 9)]))
        }
    }

    @Test("a long text is cut around the match")
    func excerpt() async throws {
        try await CoreFixture.with { core async throws in
            let long = String(repeating: "padding ", count: 60) + "needle" + String(repeating: " padding", count: 60)
            _ = try await core.models.create(
                CreateModel(name: "m", storagePath: "m", description: long), CoreFixture.context("create_model"))
            let highlight = try #require(try await search(core, "needle").hits.first?.highlights.first)
            #expect(highlight.text.unicodeScalars.count == 200)
            let range = try #require(highlight.ranges.first)
            #expect(Array(highlight.text)[range.start..<range.end] == Array("needle")[...])
        }
    }

    @Test("counts say how many, the limit how many are shown, and bounded whether that is all")
    func counts() async throws {
        try await CoreFixture.with { core async throws in
            for number in 0..<150 { _ = try await core.model("common-\(number)") }
            let results = try await search(core, "common ", types: ["models"], limit: 7)
            #expect(results.hits.count == 7)
            #expect(results.bounded)
            #expect(results.counts.map(\.exact) == [false])
            // The name is found however many newer things there are.
            #expect(try await names(core, "common-0", types: ["models"]).first == "common-0")
            let few = try await search(core, "common-149", types: ["models"])
            #expect(few.counts == [SearchCount(type: .model, count: 1, exact: true)])
            #expect(!few.bounded)
        }
    }

    @Test("model:version finds an old version however many newer models share the words")
    func oldVersions() async throws {
        try await CoreFixture.with { core async throws in
            for name in ["team/m-1"] + (0..<30).map({ "team/m-1-n\($0)" }) {
                let model = try await core.model(name)
                _ = try await core.versions.create(
                    CreateVersion(modelID: model.id, version: "1.0"), CoreFixture.context("create_version", .version))
            }
            #expect(try await names(core, "team/m-1:1.0").first == "team/m-1:1.0")
            #expect(try await names(core, "m-1 1.0 ", types: ["version"]).first == "team/m-1:1.0")
        }
    }

    @Test("a key finds nothing outside its scope, and no slip tells of it")
    func scope() async throws {
        try await with { core async throws in
            let scope = KeyScope(environments: nil, models: ["mistral*"])
            #expect(try await search(core, "llama", scope: scope).hits.map(\.name) == ["mistral-7b", "mistral-7b:1.0.3"])
            let blind = try await search(core, "whispr", scope: scope)
            #expect(blind.hits.isEmpty && blind.corrections.isEmpty)
            #expect(blind.counts.allSatisfy { $0.count == 0 })
        }
    }

    @Test("over HTTP: 422 with position, candidates and hint; types with commas and in the plural")
    func http() async throws {
        try await with { core async throws in
            try await core.http { probe in
                let found = try await probe.send(.get, "/api/v1/search?q=llama&types=models,version&limit=2")
                #expect(found.status == 200)
                #expect(found.json["hits"]?.arrayValue?.count == 2)
                // A blank is written in two ways, a plus sign in one.
                for query in ["llama+language&types=model", "llama%20language&types=model"] {
                    #expect(try await probe.send(.get, "/api/v1/search?q=\(query)").json["hits"]?.arrayValue?.count == 1)
                }
                let refused = try await probe.send(.get, "/api/v1/search?q=tga:prod")
                #expect(refused.status == 422)
                #expect(refused.json["candidates"]?.arrayValue?.contains("tag") == true)
                #expect(refused.json["position"] == 0)
                #expect(try await probe.send(.get, "/api/v1/search").status == 422)
                #expect(try await probe.send(.get, "/api/v1/search?q=a&types=people").status == 422)
                #expect(try await probe.with(key: nil).send(.get, "/api/v1/search?q=a").status == 401)
            }
        }
    }
}
