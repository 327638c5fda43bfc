import CatapultAPI
import DatabaseTesting
import SQLDatabase
import Testing

@testable import CatapultServer

/// Writers at the same time, over connections of their own where the database has room for several servers.
@Suite("Lineage with two writers") struct LineageRaceTests {
    private static let context = CoreFixture.context("test_race", .version)

    /// Two servers on one database, which holds the versions `a:1` and `b:1`.
    private func withTwo(_ kind: TestDatabase, _ body: (Database, Database) async throws -> Void) async throws {
        try await withTemporaryDirectory { directory in
            try await kind.withConfiguration { configuration in
                func open() async throws -> Database {
                    try await Database.open(
                        configuration, migrations: Migrations.all, logger: CoreFixture.logger,
                        lastStep: SearchIndexer.finish(ChangeSignals()))
                }
                let first = try await open()
                let second = kind == .postgresql ? try await open() : first
                let storage = try StoragePaths(root: directory)
                let versions = VersionService(database: first, storage: storage, blobs: try BlobStore(database: first, storage: storage))
                for name in ["a", "b"] {
                    _ = try await ModelService(database: first, storage: storage).create(
                        CreateModel(name: name, storagePath: name), Self.context)
                    _ = try await versions.create(CreateVersion(modelName: name, version: "1"), Self.context)
                }
                try await body(first, second)
                if kind == .postgresql { try await second.close() }
                try await first.close()
            }
        }
    }

    private func outcome(_ body: () async throws -> Void) async -> String {
        do {
            try await body()
            return "done"
        } catch {
            return (error as? CatapultError)?.code ?? "\(error)"
        }
    }

    /// Each of two edges is right alone, and both together are a circle: one of the writers is refused, whoever it is.
    @Test(arguments: TestDatabase.all) func aCircleIsNotClosedFromTwoSides(on kind: TestDatabase) async throws {
        try await withTwo(kind) { first, second in
            @Sendable func add(_ database: Database, _ from: String, _ to: String) async -> String {
                await outcome {
                    _ = try await LineageService(database: database).add(
                        AddDependency(versionID: "\(from):1", NewDependency(kind: .adapter, target: "\(to):1")), Self.context)
                }
            }
            for round in 0..<20 {
                async let one = add(first, "a", "b")
                async let other = add(second, "b", "a")
                let outcomes = await [one, other].sorted()
                #expect(outcomes == ["dependency_cycle", "done"], "round \(round)")
                try await first.write { try $0.execute("DELETE FROM dependencies") }
            }
        }
    }

    /// Of two who move an alias from the same version, one is told that it has moved.
    @Test(arguments: TestDatabase.all) func anAliasIsNotMovedTwiceFromTheSamePlace(on kind: TestDatabase) async throws {
        try await withTwo(kind) { first, second in
            @Sendable func set(_ database: Database) async -> String {
                await outcome {
                    _ = try await VersionLifeService(database: database).setAlias(
                        SetVersionAlias(modelID: "a", alias: "staging", version: "1", expectedVersion: "none"), Self.context)
                }
            }
            for round in 0..<10 {
                async let one = set(first)
                async let other = set(second)
                let outcomes = await [one, other].sorted()
                #expect(outcomes == ["alias_moved", "done"], "round \(round)")
                _ = try await VersionLifeService(database: first).deleteAlias(
                    DeleteVersionAlias(modelID: "a", alias: "staging"), Self.context)
            }
            let history = try await VersionLifeService(database: second).history(
                ListAliasHistory(modelID: "a", alias: "staging"), Self.context)
            #expect(history.total == 20)
        }
    }
}
