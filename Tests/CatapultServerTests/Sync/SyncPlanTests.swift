import CatapultAPI
import Testing

@testable import CatapultServer

@Suite struct SyncPlanTests {
    private func seen(_ path: String, name: String? = nil, _ fingerprint: String = "f") -> SyncPlan.Seen {
        .init(path: "models/\(path)", name: name ?? path, folder: "models/\(path)", fingerprint: fingerprint)
    }

    private func known(_ fingerprint: String? = "f", source: ModelSource = .filesystem, isMissing: Bool = false) -> SyncPlan.Known {
        .init(modelID: "id", modelName: "name", source: source, fingerprint: fingerprint, isMissing: isMissing)
    }

    private func steps(
        _ seen: [SyncPlan.Seen], synced: [String: SyncPlan.Known] = [:], owned: [String: String] = [:], taken: [String: String?] = [:]
    ) -> [SyncPlan.Step] { SyncPlan(seen: seen, synced: synced, owned: owned, taken: taken).steps }

    @Test func eachStateOfAFolderHasItsStep() {
        #expect(steps([seen("a")]) == [.add("models/a")])
        #expect(steps([seen("a")], synced: ["models/a": known()]) == [.keep("models/a")])
        #expect(steps([seen("a", "g")], synced: ["models/a": known()]) == [.change("models/a")])
        #expect(steps([], synced: ["models/a": known()]) == [.orphan("models/a")])
        #expect(steps([], synced: ["models/a": known(source: .orphaned, isMissing: true)]) == [], "once is enough")
        #expect(steps([seen("a")], synced: ["models/a": known(source: .orphaned, isMissing: true)]) == [.restore("models/a")])
        #expect(steps([seen("a", "g")], synced: ["models/a": known(source: .orphaned, isMissing: true)]) == [.change("models/a")])
    }

    @Test func whatAPersonRegisteredIsTheirs() {
        #expect(steps([seen("a")], owned: ["models/a": "mine"]) == [.leave("models/a", owner: "mine")])
        #expect(
            steps([seen("a/b", name: "a/b")], owned: ["models/a": "mine"]) == [.leave("models/a/b", owner: "mine")], "the folder above too")
        #expect(steps([seen("ab")], owned: ["models/a": "mine"]) == [.add("models/ab")])
        #expect(steps([seen("a")], taken: ["a": nil]) == [.clash("models/a", name: "a")])
        #expect(steps([seen("a")], synced: ["models/a": known()], taken: ["a": nil]) == [.keep("models/a")])
    }
}
