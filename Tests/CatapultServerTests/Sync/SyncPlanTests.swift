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
        _ seen: [SyncPlan.Seen], synced: [String: SyncPlan.Known] = [:], owned: [String: String] = [:], taken: Set<String> = [],
        unreadable: Set<String> = []
    ) -> [SyncPlan.Step] { SyncPlan(seen: seen, synced: synced, owned: owned, taken: taken, unreadable: unreadable).steps }

    @Test func eachStateOfAFolderHasItsStep() {
        #expect(steps([seen("a")]) == [.add("models/a")])
        #expect(steps([seen("a")], synced: ["models/a": known()]) == [.keep("models/a")])
        #expect(steps([seen("a", "g")], synced: ["models/a": known()]) == [.change("models/a")])
        #expect(steps([], synced: ["models/a": known()]) == [.orphan("models/a", name: "name")])
        #expect(steps([], synced: ["models/a": known(source: .orphaned, isMissing: true)]) == [], "once is enough")
        #expect(steps([seen("a")], synced: ["models/a": known(source: .orphaned, isMissing: true)]) == [.restore("models/a")])
        #expect(steps([seen("a", "g")], synced: ["models/a": known(source: .orphaned, isMissing: true)]) == [.change("models/a")])
    }

    @Test func whatCannotBeLookedAtIsNotGone() {
        let synced = ["models/a": known(), "models/b/c": known(), "models/bc": known()]
        #expect(steps([], synced: synced, unreadable: ["models"]) == [])
        #expect(
            steps([], synced: synced, unreadable: ["models/b"]) == [.orphan("models/a", name: "name"), .orphan("models/bc", name: "name")])
        #expect(steps([], synced: synced, unreadable: ["models/a/x"]).count == 3, "what lies beneath says nothing of what is above")
    }

    @Test func whatAPersonRegisteredIsTheirs() {
        #expect(steps([seen("a")], owned: ["models/a": "mine"]) == [.leave("models/a", owner: "mine")])
        #expect(
            steps([seen("a/b", name: "a/b")], owned: ["models/a": "mine"]) == [.leave("models/a/b", owner: "mine")], "the folder above too")
        #expect(steps([seen("ab")], owned: ["models/a": "mine"]) == [.add("models/ab")])
        #expect(steps([seen("a")], taken: ["a"]) == [.clash("models/a", name: "a")])
        #expect(steps([seen("a")], synced: ["models/a": known()], taken: ["a"]) == [.keep("models/a")])
    }
}
