import CatapultAPI
import SQLDatabase
import Testing

@testable import CatapultServer

/// The index says what the tables say, whoever writes them.
@Suite("Search index")
struct SearchIndexerTests {
    /// Documents and postings as they are, and as they would be made anew.
    private func check(_ core: CoreFixture) async throws {
        try await core.database.read { connection throws in
            #expect(try connection.fetchInt("SELECT count(*) FROM search_queue") == 0)
            for (kind, table) in [
                (SearchIndex.Kind.model, "models"), (.version, "versions"), (.deployment, "deployments"), (.artifact, "artifacts"),
            ] {
                let ids = try connection.fetchColumn("SELECT id FROM \(raw: table)", as: String.self)
                let wanted = try SearchSource.records(kind, ids, in: connection).map(SearchDocument.init)
                let terms = try connection.fetchAll("SELECT id, terms FROM search_documents WHERE kind = \(kind)") {
                    (try $0.get(0) as String, try $0.get(1) as String)
                }
                #expect(Dictionary(uniqueKeysWithValues: terms) == Dictionary(uniqueKeysWithValues: wanted.map { ($0.id, $0.terms) }))
                let postings = try connection.fetchAll("SELECT term, id FROM search_postings WHERE kind = \(kind)") {
                    "\(try $0.get(1) as String) \(try $0.get(0) as String)"
                }
                #expect(postings.sorted() == wanted.flatMap { document in document.postings.map { "\(document.id) \($0)" } }.sorted())
            }
        }
    }

    @Test("after random operations through the services", arguments: 0..<4)
    func randomOperations(seed: Int) async throws {
        try await CoreFixture.with { core async throws in
            var generator = Seeded(seed: UInt64(seed))
            let context = CoreFixture.context("test")
            let words = ["llama", "qwen2.5", "Große", "模型", "chat", "v1.0", "q4_k_m", "a|b;c=d", "x y"]
            func word() -> String { words.randomElement(using: &generator) ?? "" }
            var models: [String] = []
            var versions: [String] = []
            for step in 0..<60 {
                switch Int.random(in: 0..<7, using: &generator) {
                case 0, 1:
                    let call = CreateModel(
                        name: "m-\(step)", storagePath: "m", description: word() + " " + word(), tags: [word()],
                        metadata: ["k": .string(word())])
                    models.append(try await core.models.create(call, context).id)
                case 2, 3:
                    guard let model = models.randomElement(using: &generator) else { continue }
                    let call = CreateVersion(modelID: model, version: "1.\(step)", releaseNotes: word(), metadata: ["n": .int(Int64(step))])
                    versions.append(try await core.versions.create(call, context).id)
                case 4:
                    guard let model = models.randomElement(using: &generator) else { continue }
                    _ = try await core.models.update(UpdateModel(modelID: model, description: word(), tags: [word(), word()]), context)
                case 5:
                    guard let version = versions.randomElement(using: &generator) else { continue }
                    let release = Bool.random(using: &generator)
                    _ = try? await core.versions.update(UpdateVersion(versionID: version, status: .deprecated, isRelease: release), context)
                default:
                    guard let model = models.randomElement(using: &generator) else { continue }
                    models.removeAll { $0 == model }
                    _ = try await core.models.delete(DeleteModel(modelID: model), context)
                }
            }
            try await check(core)
        }
    }

    @Test("after statements that no service makes")
    func plainSQL() async throws {
        try await CoreFixture.with { core async throws in
            let model = try await core.model("old-words")
            try await core.database.write { connection in
                try connection.execute("UPDATE models SET description = 'new words', tags = '[\"x\"]' WHERE id = \(model.id)")
            }
            try await check(core)
            try await core.database.write { try $0.execute("DELETE FROM models") }
            try await check(core)
        }
    }

    @Test("a write that fails leaves the index as it was")
    func rollback() async throws {
        try await CoreFixture.with { core async throws in
            let model = try await core.model("stays")
            struct Stop: Error {}
            await #expect(throws: Stop.self) {
                try await core.database.write { connection in
                    try connection.execute("UPDATE models SET description = 'gone' WHERE id = \(model.id)")
                    throw Stop()
                }
            }
            try await check(core)
        }
    }

    @Test("what is too much for one transaction is indexed by the next ones")
    func backlog() async throws {
        try await CoreFixture.with { core async throws in
            let model = try await core.model("big")
            try await core.database.write { connection in
                for number in 0..<2_300 {
                    let version = Version(
                        id: Identifier.make(), modelID: model.id, modelName: model.name, modelStoragePath: "m", version: "1.\(number)",
                        tag: "t",
                        digest: "d", quantization: nil, sizeBytes: nil, platform: "p", architecture: "a", os: "o", releaseNotes: nil,
                        metadata: [:],
                        cephPath: nil, mlflowURL: nil, isRelease: false, status: .active, fileCount: 0, missingFiles: 0, createdAt: .now)
                    try VersionStore.insert(version, files: [], in: connection)
                }
            }
            let left = try await core.database.read { try $0.fetchInt("SELECT count(*) FROM search_queue") }
            #expect(left == 1_300)
            let indexer = SearchIndexer(database: core.database, signals: core.signals, logger: CoreFixture.logger)
            let changes = core.signals.subscribe(SearchIndexer.idle)
            let work = Task { try await indexer.run() }
            #expect(try await ChangeSignals.next(changes, within: .seconds(60)))
            work.cancel()
            try await work.value
            try await check(core)
        }
    }
}
