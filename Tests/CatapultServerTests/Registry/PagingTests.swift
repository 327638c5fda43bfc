import CatapultAPI
import SQLDatabase
import Testing

@testable import CatapultServer

@Suite struct PagingTests {
    private static let kinds: [(ModelSource, ServerType?)] = [(.manual, .vllm), (.orphaned, .vllm), (.filesystem, nil), (.manual, .onnx)]

    /// Models of every kind; four share each moment, so that the id has to tell them apart.
    private static func fill(_ database: Database, models: Int) async throws {
        try await database.write { connection in
            for number in 0..<models {
                let (source, type) = kinds[number % kinds.count]
                let moment = Timestamp(microseconds: 1_700_000_000_000_000 + Int64(number / 4))
                try ModelStore.insert(
                    Model(
                        id: Identifier.make(at: moment), name: "model-\(number)", storagePath: "m",
                        repository: number % 3 == 0 ? "Org/R\(number)" : nil,
                        company: nil, baseModel: nil, parameterCount: nil, description: nil, tags: [], metadata: [:], requiresGPU: false,
                        serverType: type, source: source, versionCount: 0, createdAt: moment, updatedAt: moment), in: connection)
            }
        }
    }

    @Test(arguments: [
        ListModels(), ListModels(search: "model-1"), ListModels(source: .manual), ListModels(serverType: .vllm, includeOrphaned: true),
    ])
    func cursorsShowEachRowOnceInTheOrderOfRowNumbers(_ call: ListModels) async throws {
        try await CoreFixture.with { fixture async throws in
            try await Self.fill(fixture.database, models: 60)
            var whole = call
            whole.limit = 1_000
            let expected = try await fixture.models.list(whole, CoreFixture.context())
            #expect(expected.nextCursor == nil)
            #expect(expected.total == expected.items.count)
            var (seen, numbers, next): ([String], [Int], String?) = ([], [], nil)
            repeat {
                var part = call
                (part.size, part.cursor) = (7, next)
                let page = try await fixture.models.list(part, CoreFixture.context())
                seen += page.items.map(\.id)
                numbers.append(page.page)
                #expect(page.total == expected.total)
                next = page.nextCursor
            } while next != nil
            #expect(seen == expected.items.map(\.id))
            #expect(numbers == Array(1...max(1, (expected.total + 6) / 7)))
        }
    }

    @Test func rowsThatComeAndGoDoNotShiftACursor() async throws {
        try await CoreFixture.with { fixture async throws in
            try await Self.fill(fixture.database, models: 20)
            let all = try await fixture.models.list(ListModels(limit: 100, includeOrphaned: true), CoreFixture.context()).items.map(\.name)
            let first = try await fixture.models.list(ListModels(size: 5, includeOrphaned: true), CoreFixture.context())
            _ = try await fixture.model("newer")
            _ = try await fixture.models.delete(DeleteModel(modelID: all[0]), CoreFixture.context("delete_model"))
            _ = try await fixture.models.delete(DeleteModel(modelID: all[4]), CoreFixture.context("delete_model"))
            let second = try await fixture.models.list(
                ListModels(size: 5, cursor: first.nextCursor, includeOrphaned: true), CoreFixture.context())
            #expect(second.items.map(\.name) == Array(all[5..<10]))
        }
    }

    @Test func deepPagesByRowNumberAreThoseOfTheWholeList() async throws {
        try await CoreFixture.with { fixture async throws in
            try await Self.fill(fixture.database, models: 50)
            let all = try await fixture.models.list(ListModels(limit: 100, includeOrphaned: true), CoreFixture.context()).items.map(\.id)
            let page = try await fixture.models.list(ListModels(page: 4, size: 12, includeOrphaned: true), CoreFixture.context())
            #expect(page.items.map(\.id) == Array(all[36..<48]))
            let last = try await fixture.models.list(ListModels(limit: 12, offset: 45, includeOrphaned: true), CoreFixture.context())
            #expect(last.items.map(\.id) == Array(all[45...]))
            #expect(last.nextCursor == nil)
            #expect(try await fixture.models.list(ListModels(page: 99, includeOrphaned: true), CoreFixture.context()).items.isEmpty)
        }
    }

    @Test func aCursorIsRefusedWhereItDoesNotBelong() async throws {
        try await CoreFixture.with { fixture async throws in
            try await Self.fill(fixture.database, models: 20)
            let cursor = try #require(try await fixture.models.list(ListModels(size: 5), CoreFixture.context()).nextCursor)
            func problem(_ call: ListModels) async throws -> String {
                let error = await #expect(throws: CatapultError.self) { try await fixture.models.list(call, CoreFixture.context()) }
                #expect(error?.status == 422)
                #expect(error?.problems.first?.location == ["cursor"])
                return error?.message ?? ""
            }
            #expect(try await problem(ListModels(cursor: cursor, serverType: .vllm)).contains("other filters"))
            #expect(try await problem(ListModels(page: 2, cursor: cursor)).contains("leave them out"))
            for mangled in [String(cursor.dropLast(3)), "A" + cursor.dropFirst(), "abc", "%", String(repeating: "x", count: 1_000)] {
                #expect(try await problem(ListModels(cursor: mangled)).contains("no cursor of this server"))
            }
            let other = try PageCursor(key: .name("x"), row: 5, list: PageCursor.list(of: ListEnvironments())).text
            #expect(try await problem(ListModels(cursor: other)).contains("another list"))
            // Another size and the first page's number change no filter.
            #expect(try await fixture.models.list(ListModels(page: 1, size: 2, cursor: cursor), CoreFixture.context()).items.count == 2)
        }
    }

    @Test func aTextIsFoundInNameAndRepositoryAndNotAcross() async throws {
        try await CoreFixture.with { fixture async throws in
            func add(_ name: String, _ repository: String?) async throws {
                _ = try await fixture.models.create(
                    CreateModel(name: name, storagePath: "m", repository: repository), CoreFixture.context("create_model"))
            }
            try await add("Llama-3_8B", "Meta/llama")
            try await add("llama-3x8b", nil)
            try await add("caf\u{E9}", "100%/rein")
            try await add("\u{6A21}\u{578B}", "a\"b'c")
            func found(_ text: String) async throws -> [String] {
                try await fixture.models.list(ListModels(search: text), CoreFixture.context()).items.map(\.name).sorted()
            }
            #expect(try await found("LLAMA") == ["Llama-3_8B", "llama-3x8b"])
            #expect(try await found("3_8") == ["Llama-3_8B"])
            #expect(try await found("b") == ["Llama-3_8B", "llama-3x8b", "\u{6A21}\u{578B}"])
            #expect(try await found("8b") == ["Llama-3_8B", "llama-3x8b"])
            #expect(try await found("%") == ["caf\u{E9}"])
            #expect(try await found("0%/R") == ["caf\u{E9}"])
            #expect(try await found("\u{578B}") == ["\u{6A21}\u{578B}"])
            #expect(try await found("f\u{E9}") == ["caf\u{E9}"])
            #expect(try await found("caf\u{C9}") == [], "case counts outside of A to Z")
            #expect(try await found("cafe") == [])
            #expect(try await found("a\"b'") == ["\u{6A21}\u{578B}"])
            #expect(try await found("8bmeta") == [])
            #expect(try await found("8b\u{1F}meta") == [])
            #expect(try await found("nothing like it") == [])
            _ = try await fixture.models.update(
                UpdateModel(modelID: "llama-3x8b", repository: "somewhere/else"), CoreFixture.context("update_model"))
            #expect(try await found("somewhere") == ["llama-3x8b"])
            _ = try await fixture.models.delete(DeleteModel(modelID: "llama-3x8b"), CoreFixture.context("delete_model"))
            #expect(try await found("somewhere") == [])
        }
    }

    @Test func aTextThatManyHaveIsFoundByWalking() async throws {
        try await CoreFixture.with { fixture async throws in
            try await Self.fill(fixture.database, models: 1_400)
            let page = try await fixture.models.list(ListModels(size: 3, search: "model-", includeOrphaned: true), CoreFixture.context())
            #expect(page.items.count == 3)
            #expect(!page.totalIsExact)
            #expect(page.total == PageWindow.countingLimit + 1)
            let deep = try await fixture.models.list(
                ListModels(limit: 100, offset: 1_350, search: "model-", includeOrphaned: true), CoreFixture.context())
            #expect(deep.items.count == 50)
            #expect(deep.total == 1_400 && deep.totalIsExact, "the last page shows the number")
            let middle = try await fixture.models.list(
                ListModels(limit: 100, offset: 1_200, search: "model-", includeOrphaned: true), CoreFixture.context())
            #expect(middle.total == 1_301 && !middle.totalIsExact, "clients that compare with total go on")
        }
    }

    /// By rare words, by trigrams or by walking: which way is taken must not show.
    @Test func everyPartOfANameFindsTheModelsThatHaveIt() async throws {
        try await CoreFixture.with { fixture async throws in
            try await Self.fill(fixture.database, models: 300)
            for name in ["Team-7/q4-Instruct.v2", "team-70/q4_instruct", "x y\u{E9}t-7/9", "7/q-instruct-2b", "model-299x"] {
                _ = try await fixture.models.create(
                    CreateModel(name: name, storagePath: "m", repository: "Hub/\(name)-mirror"), CoreFixture.context("create_model"))
            }
            let all = try await fixture.models.list(ListModels(limit: 1_000, includeOrphaned: true), CoreFixture.context()).items
            func lower(_ text: String) -> String { String(text.map { $0.isASCII ? Character($0.lowercased()) : $0 }) }
            var parts: Set<String> = [
                "-299", "l-29", "7/q", "/r1", "odel-2", "q4", "4-i", "t.v2", "\u{E9}t-7", "e\u{301}t-7", "-mirror", "zz-1",
            ]
            let name = "hub/team-7/q4-instruct.v2-mirror"
            for start in stride(from: 0, to: name.count - 3, by: 2) {
                parts.insert(String(name.dropFirst(start).prefix(3 + start % 9)))
            }
            for part in parts {
                let found = try await fixture.models.list(
                    ListModels(limit: 1_000, search: part, includeOrphaned: true), CoreFixture.context())
                let expected = all.filter { model in
                    [model.name, model.repository ?? ""].contains { lower($0).utf8.firstRange(of: lower(part).utf8) != nil }
                }
                #expect(found.items.map(\.name) == expected.map(\.name), "\(part)")
                #expect(found.total == expected.count, "\(part)")
            }
        }
    }

    @Test func aTextWithAWordThatManyHaveIsFoundByWalkingAndCountedByTheWord() async throws {
        try await CoreFixture.with { fixture async throws in
            for start in stride(from: 0, to: 2_300, by: 460) {
                try await fixture.database.write { connection in
                    for number in start..<start + 460 {
                        let moment = Timestamp(microseconds: 1_700_000_000_000_000 + Int64(number))
                        try ModelStore.insert(
                            Model(
                                id: Identifier.make(at: moment), name: "lot-7/\(number)", storagePath: "m", repository: nil, company: nil,
                                baseModel: nil, parameterCount: nil, description: nil, tags: [], metadata: [:], requiresGPU: false,
                                serverType: number % 100 == 0 ? .vllm : .onnx, source: .manual, versionCount: 0, createdAt: moment,
                                updatedAt: moment), in: connection)
                    }
                }
            }
            #expect(try await fixture.database.read { try $0.fetchInt("SELECT count(*) FROM search_queue") } == 0)
            let many = try await fixture.models.list(ListModels(size: 3, search: "lot-7"), CoreFixture.context())
            #expect(many.items.map(\.name) == ["lot-7/2299", "lot-7/2298", "lot-7/2297"])
            #expect(many.total == PageWindow.countingLimit + 1 && !many.totalIsExact)
            let some = try await fixture.models.list(ListModels(size: 3, search: "lot-7", serverType: .vllm), CoreFixture.context())
            #expect(some.items.map(\.name) == ["lot-7/2200", "lot-7/2100", "lot-7/2000"])
            #expect(some.total == 23 && some.totalIsExact)
            // The word is common and the text is not; and a word that some hundreds have.
            #expect(try await fixture.models.list(ListModels(search: "xot-7"), CoreFixture.context()).total == 0)
            let hundreds = try await fixture.models.list(ListModels(size: 2, search: "7/2"), CoreFixture.context())
            #expect(hundreds.total == 1 + 10 + 100 + 300)
        }
    }

    @Test func totalsOfFiltersAreExact() async throws {
        try await CoreFixture.with { fixture async throws in
            try await Self.fill(fixture.database, models: 40)
            func total(_ call: ListModels) async throws -> Int { try await fixture.models.list(call, CoreFixture.context()).total }
            #expect(try await total(ListModels()) == 30)
            #expect(try await total(ListModels(includeOrphaned: true)) == 40)
            #expect(try await total(ListModels(source: .manual)) == 20)
            #expect(try await total(ListModels(serverType: .vllm)) == 10)
            #expect(try await total(ListModels(serverType: .vllm, includeOrphaned: true)) == 20)
            #expect(try await total(ListModels(source: .manual, serverType: .onnx)) == 10)
            #expect(try await total(ListModels(source: .filesystem, serverType: .onnx)) == 0)
            _ = try await fixture.models.update(UpdateModel(modelID: "model-0", serverType: .onnx), CoreFixture.context("update_model"))
            #expect(try await total(ListModels(serverType: .vllm)) == 9)
            #expect(try await total(ListModels(serverType: .onnx)) == 11)
        }
    }

    @Test func versionsAreListedByEveryFilter() async throws {
        try await CoreFixture.with { fixture async throws in
            for name in ["a", "b"] {
                _ = try await fixture.model(name)
                for number in 1...6 {
                    _ = try await fixture.versions.create(
                        CreateVersion(modelName: name, version: "\(number)", isRelease: number % 2 == 0),
                        CoreFixture.context("create_version", .version))
                }
            }
            _ = try await fixture.versions.update(
                UpdateVersion(versionID: "a:2", status: .archived), CoreFixture.context("update_version", .version))
            func list(_ call: ListVersions) async throws -> (Int, [String]) {
                let page = try await fixture.versions.list(call, CoreFixture.context())
                return (page.total, page.items.map { "\($0.modelName):\($0.version)" })
            }
            #expect(try await list(ListVersions(size: 2)) == (12, ["b:6", "b:5"]))
            #expect(try await list(ListVersions(size: 1, modelName: "a")) == (6, ["a:6"]))
            #expect(try await list(ListVersions(version: "4")) == (2, ["b:4", "a:4"]))
            #expect(try await list(ListVersions(size: 1, isRelease: true)) == (6, ["b:6"]))
            #expect(try await list(ListVersions(status: .archived)) == (1, ["a:2"]))
            #expect(try await list(ListVersions(isRelease: true, status: .archived)) == (1, ["a:2"]))
            #expect(try await list(ListVersions(isRelease: false, status: .archived)) == (0, []))
            #expect(try await list(ListVersions(size: 1, modelName: "a", isRelease: true)) == (3, ["a:6"]))
            #expect(try await list(ListVersions(modelName: "nobody")) == (0, []))
            #expect(try await list(ListVersions(environment: "nowhere")) == (0, []))
            let page = try await fixture.models.versions(ListModelVersions(modelID: "a", size: 4), CoreFixture.context())
            let rest = try await fixture.models.versions(
                ListModelVersions(modelID: "a", size: 4, cursor: page.nextCursor), CoreFixture.context())
            #expect(rest.items.map(\.version) == ["2", "1"])
            #expect(rest.page == 2 && rest.nextCursor == nil)
        }
    }
}
