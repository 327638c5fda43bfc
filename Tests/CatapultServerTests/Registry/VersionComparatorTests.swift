import CatapultAPI
import Testing

@testable import CatapultServer

@Suite("Comparison of versions") struct VersionComparatorTests {
    private func file(_ path: String, _ content: String, size: Int64 = 10) -> VersionFile {
        VersionFile(path: path, sizeBytes: size, sha256: content)
    }

    private func side(
        _ version: Version = makeVersion(), files: [VersionFile] = [], dependencies: [Dependency] = []
    ) -> VersionComparator.Side {
        VersionComparator.Side(version: version, files: files, dependencies: dependencies)
    }

    private func dependency(_ kind: DependencyKind, _ target: String) -> Dependency {
        Dependency(
            id: target, versionID: "v", version: "gpt:1.0", kind: kind, targetType: .external, targetID: nil, target: target, name: target,
            revision: nil, url: nil, purl: nil, note: nil, createdBy: nil, createdAt: Timestamp(microseconds: 0))
    }

    private func files(_ a: [VersionFile], _ b: [VersionFile], limit: Int = 100) -> FileComparison {
        VersionComparator.compare(side(files: a), side(files: b), limit: limit).files
    }

    @Test func twoOfTheSameContentAreIdentical() {
        let content = [file("a", "1"), file("b", "2")]
        let comparison = VersionComparator.compare(
            side(makeVersion("1.0"), files: content), side(makeVersion("2.0", model: "other"), files: content), limit: 10)
        // Names do not count: they are what tells the two apart.
        #expect(comparison.identical)
        #expect(comparison.files.unchanged == 2 && comparison.files.differences.isEmpty)
    }

    @Test func filesAreAddedRemovedChangedAndRenamed() {
        let found = files(
            [file("gone", "1", size: 5), file("old/w.gguf", "2", size: 100), file("same", "3"), file("config", "4", size: 1)],
            [file("new", "9", size: 7), file("renamed/w.gguf", "2", size: 100), file("same", "3"), file("config", "5", size: 4)])
        #expect((found.added, found.removed, found.changed, found.renamed, found.unchanged) == (1, 1, 1, 1, 1))
        #expect(found.differences.map(\.path) == ["config", "gone", "new", "renamed/w.gguf"])
        #expect(found.differences.map(\.change) == [.changed, .removed, .added, .renamed])
        #expect(found.differences[3].oldPath == "old/w.gguf")
        #expect((found.differences[0].oldSizeBytes, found.differences[0].newSizeBytes) == (1, 4))
        #expect((found.oldSizeBytes, found.newSizeBytes) == (116, 121))
    }

    @Test func ofSeveralWithOneContentTheSameNamesGoTogether() {
        let found = files(
            [file("x/one", "1"), file("x/two", "1"), file("x/three", "1")], [file("y/two", "1"), file("y/one", "1"), file("y/other", "1")])
        #expect(found.renamed == 3 && found.added == 0 && found.removed == 0)
        let pairs = Dictionary(uniqueKeysWithValues: found.differences.map { ($0.path, $0.oldPath) })
        #expect(pairs["y/one"] == "x/one" && pairs["y/two"] == "x/two" && pairs["y/other"] == "x/three")
    }

    @Test func aCopyIsAddedAndNotRenamed() {
        let found = files([file("a", "1")], [file("a", "1"), file("b", "1")])
        #expect(found.added == 1 && found.renamed == 0 && found.unchanged == 1)
    }

    @Test func allAreCountedThoughNotAllAreListed() {
        let found = files([], (0..<20).map { file("f\($0)", "\($0)") }, limit: 5)
        #expect(found.added == 20 && found.differences.count == 5 && found.truncated)
        #expect(files([], [file("a", "1")], limit: 0).truncated)
    }

    @Test func valuesAreTypedAndMetadataIsComparedByItsWay() {
        let a = makeVersion(metadata: ["license": ["name": "mit", "url": "u"], "gone": 1, "list": [1, 2]])
        var b = makeVersion("2.0", isRelease: true, metadata: ["license": ["name": "apache", "url": "u"], "new": true, "list": [1, 2]])
        b.quantization = "Q4"
        let comparison = VersionComparator.compare(side(a), side(b), limit: 10)
        #expect(
            comparison.metadata == [
                ValueDifference(name: "gone", change: .removed, old: 1, new: .null),
                ValueDifference(name: "license.name", change: .changed, old: "mit", new: "apache"),
                ValueDifference(name: "new", change: .added, old: .null, new: true),
            ])
        #expect(
            comparison.fields == [
                ValueDifference(name: "is_release", change: .changed, old: false, new: true),
                ValueDifference(name: "quantization", change: .added, old: .null, new: "Q4"),
            ])
        #expect(!comparison.identical)
    }

    @Test func dependenciesChangeWhereEachHasOne() {
        let comparison = VersionComparator.compare(
            side(dependencies: [dependency(.baseModel, "llama"), dependency(.dataset, "pile"), dependency(.package, "a")]),
            side(dependencies: [dependency(.baseModel, "qwen"), dependency(.dataset, "pile"), dependency(.engine, "vllm")]), limit: 10)
        #expect(
            comparison.dependencies == [
                DependencyDifference(.changed, kind: .baseModel, target: "qwen", oldTarget: "llama"),
                DependencyDifference(.added, kind: .engine, target: "vllm"), DependencyDifference(.removed, kind: .package, target: "a"),
            ])
    }
}
