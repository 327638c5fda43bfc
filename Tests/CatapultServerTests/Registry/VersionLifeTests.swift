import CatapultAPI
import Testing

@testable import CatapultServer

/// Aliases and the life of versions in a database.
@Suite("Aliases and the life of versions") struct VersionLifeTests {
    private static let context = CoreFixture.context("test_life", .version)

    private func life(_ fixture: CoreFixture) -> VersionLifeService { VersionLifeService(database: fixture.database) }

    private func make(_ fixture: CoreFixture, _ versions: String..., model name: String = "gpt") async throws {
        _ = try await fixture.model(name)
        for version in versions { _ = try await fixture.versions.create(CreateVersion(modelName: name, version: version), Self.context) }
    }

    private func get(_ fixture: CoreFixture, _ reference: String) async throws -> Version {
        try await fixture.versions.get(GetVersion(versionID: reference), Self.context)
    }

    @Test func anAliasIsTakenWhereverAVersionIsNamed() async throws {
        try await CoreFixture.with { fixture async throws in
            try await make(fixture, "1.0", "2.0")
            _ = try await life(fixture).setAlias(SetVersionAlias(modelID: "gpt", alias: "staging", version: "1.0"), Self.context)
            #expect(try await get(fixture, "gpt:staging").version == "1.0")
            #expect(try await get(fixture, "gpt:latest").version == "2.0")
            #expect(try await get(fixture, "gpt").version == "2.0")
            #expect(try await get(fixture, "gpt:staging").aliases == ["staging"])
            // Also as the target of another alias, and of a model whose version has the name of an alias.
            _ = try await life(fixture).setAlias(SetVersionAlias(modelID: "gpt", alias: "blue", version: "staging"), Self.context)
            #expect(try await get(fixture, "gpt:blue").version == "1.0")
            #expect(try await get(fixture, "gpt:1.0").aliases == ["blue", "staging"])
            let error = await #expect(throws: CatapultError.self) { try await get(fixture, "gpt:production") }
            #expect(error?.status == 404)
        }
    }

    @Test func theNameOfAVersionGoesBeforeAnAlias() async throws {
        try await CoreFixture.with { fixture async throws in
            try await make(fixture, "stable", "2.0")
            let taken = await #expect(throws: CatapultError.self) {
                try await life(fixture).setAlias(SetVersionAlias(modelID: "gpt", alias: "stable", version: "2.0"), Self.context)
            }
            #expect(taken?.code == "alias_is_a_version")
            _ = try await life(fixture).setAlias(SetVersionAlias(modelID: "gpt", alias: "fast", version: "2.0"), Self.context)
            let alias = await #expect(throws: CatapultError.self) {
                try await fixture.versions.create(CreateVersion(modelName: "gpt", version: "fast"), Self.context)
            }
            #expect(alias?.code == "version_is_an_alias")
            #expect(try await fixture.models.get(GetModel(modelID: "gpt"), Self.context).versionCount == 2)
        }
    }

    @Test func aVersionNamedLatestIsItselfAndNotTheNewest() async throws {
        try await CoreFixture.with { fixture async throws in
            try await make(fixture, "latest", "2.0")
            #expect(try await get(fixture, "gpt:latest").version == "latest")
            #expect(try await get(fixture, "gpt").version == "2.0")
            let error = await #expect(throws: CatapultError.self) {
                try await life(fixture).setAlias(SetVersionAlias(modelID: "gpt", alias: "latest", version: "2.0"), Self.context)
            }
            #expect(error?.status == 400)
        }
    }

    @Test func movesAreKeptAndHeldAgainstWhatTheMoverBelieves() async throws {
        try await CoreFixture.with { fixture async throws in
            try await make(fixture, "1.0", "2.0")
            let service = life(fixture)
            func set(_ version: String, expecting: String?, reason: String? = nil) async throws -> VersionTransition {
                try await service.setAlias(
                    SetVersionAlias(modelID: "gpt", alias: "production", version: version, expectedVersion: expecting, reason: reason),
                    Self.context)
            }
            let early = await #expect(throws: CatapultError.self) { try await set("1.0", expecting: "1.0") }
            #expect(early?.details["current_version"] == .null)
            #expect(try await set("1.0", expecting: "none", reason: "first").changes.count == 1)
            let late = await #expect(throws: CatapultError.self) { try await set("2.0", expecting: "none") }
            #expect(late?.code == "alias_moved")
            #expect(late?.details["current_version"] == "1.0")
            let first = try await get(fixture, "gpt:1.0")
            #expect(try await set("2.0", expecting: first.id).version.aliases == ["production"])
            #expect(try await set("2.0", expecting: "gpt:2.0").changes.isEmpty)
            _ = try await service.deleteAlias(DeleteVersionAlias(modelID: "gpt", alias: "production", reason: "done"), Self.context)
            #expect(try await get(fixture, "gpt:2.0").aliases == [])

            let history = try await service.history(ListAliasHistory(modelID: "gpt", alias: "production", limit: 2), Self.context)
            #expect(history.total == 3)
            #expect(history.items.map(\.fromVersion) == ["2.0", "1.0"])
            #expect(history.items.map(\.toVersion) == [nil, "2.0"])
            #expect(history.items.first?.reason == "done" && history.items.first?.movedBy == "tester")
            let rest = try await service.history(
                ListAliasHistory(modelID: "gpt", alias: "production", limit: 2, cursor: history.nextCursor), Self.context)
            #expect(rest.items.map(\.reason) == ["first"])
            let never = await #expect(throws: CatapultError.self) {
                try await service.history(ListAliasHistory(modelID: "gpt", alias: "never"), Self.context)
            }
            #expect(never?.type == "AliasNotFoundError")
        }
    }

    @Test func aDryRunSaysWhatTheRealOneDoesAndChangesNothing() async throws {
        try await CoreFixture.with { fixture async throws in
            try await make(fixture, "1.0")
            let plan = try await life(fixture).promote(PromoteVersion(versionID: "gpt:1.0", dryRun: true), Self.context)
            #expect(plan.dryRun)
            #expect(try await get(fixture, "gpt:1.0").aliases == [])
            #expect(try await AuditLog(database: fixture.database).list(ListAuditLogs(action: "test_life"), Self.context).count == 1)
            let real = try await life(fixture).promote(PromoteVersion(versionID: "gpt:1.0", reason: "good"), Self.context)
            #expect(real.changes == plan.changes)
            #expect(real.version.isRelease && real.version.aliases == ["production"])
            let rows = try await AuditLog(database: fixture.database).list(ListAuditLogs(action: "test_life"), Self.context)
            #expect(rows.first?.details["reason"] == "good")
            // Doing it again changes nothing and leaves no row.
            #expect(try await life(fixture).promote(PromoteVersion(versionID: "gpt:1.0"), Self.context).changes.isEmpty)
            #expect(
                try await AuditLog(database: fixture.database).list(ListAuditLogs(action: "test_life"), Self.context).count == rows.count)
        }
    }

    @Test func theStageGoesBackToWhoHadItBefore() async throws {
        try await CoreFixture.with { fixture async throws in
            try await make(fixture, "1.0", "2.0")
            let service = life(fixture)
            let none = await #expect(throws: CatapultError.self) {
                _ = try await service.promote(PromoteVersion(versionID: "gpt:1.0"), Self.context)
                _ = try await service.demote(DemoteVersion(versionID: "gpt:1.0", restorePrevious: true), Self.context)
            }
            #expect(none?.code == "no_previous_version")
            _ = try await service.promote(PromoteVersion(versionID: "gpt:2.0"), Self.context)
            _ = try await service.demote(DemoteVersion(versionID: "gpt:production", restorePrevious: true), Self.context)
            #expect(try await get(fixture, "gpt:production").version == "1.0")
            #expect(try await get(fixture, "gpt:2.0").isRelease == false)
        }
    }

    @Test func deprecatedWarnsArchivedIsGoneFromLatestAndRestoreBringsBack() async throws {
        try await CoreFixture.with { fixture async throws in
            try await make(fixture, "1.0", "2.0")
            let service = life(fixture)
            let retires = Timestamp(microseconds: 1_800_000_000_000_000)
            _ = try await service.deprecate(
                DeprecateVersion(versionID: "gpt:2.0", message: "slow", successor: "gpt:1.0", retiresAt: retires), Self.context)
            let deprecated = try await get(fixture, "gpt:2.0")
            #expect(deprecated.status == .deprecated)
            #expect(deprecated.deprecation?.successor == "gpt:1.0" && deprecated.deprecation?.retiresAt == retires)
            #expect(deprecated.deprecationWarning == "gpt:2.0 is deprecated: slow; use gpt:1.0 instead; it retires on 2027-01-15.")
            #expect(try await get(fixture, "gpt:latest").version == "2.0")

            _ = try await service.archive(ArchiveVersion(versionID: "gpt:2.0"), Self.context)
            #expect(try await get(fixture, "gpt:latest").version == "1.0")
            #expect(try await get(fixture, "gpt:2.0").status == .archived)
            #expect(try await fixture.versions.latest(GetLatestVersion(modelName: "gpt"), Self.context).version == "1.0")
            _ = try await service.archive(ArchiveVersion(versionID: "gpt:1.0"), Self.context)
            let nothing = await #expect(throws: CatapultError.self) { try await get(fixture, "gpt") }
            #expect(nothing?.message.contains("no version that is not archived") == true)

            _ = try await service.restore(RestoreVersion(versionID: "gpt:2.0"), Self.context)
            let restored = try await get(fixture, "gpt:2.0")
            #expect(restored.status == .active && restored.deprecation == nil)
        }
    }

    @Test func statusByPUTGoesTheSameWay() async throws {
        try await CoreFixture.with { fixture async throws in
            try await make(fixture, "1.0")
            _ = try await life(fixture).setAlias(SetVersionAlias(modelID: "gpt", alias: "staging", version: "1.0"), Self.context)
            func put(_ status: VersionStatus? = nil, isRelease: Bool? = nil) async throws -> Version {
                try await fixture.versions.update(UpdateVersion(versionID: "gpt:1.0", status: status, isRelease: isRelease), Self.context)
            }
            let used = await #expect(throws: CatapultError.self) { try await put(.archived) }
            #expect(used?.code == "still_referenced")
            _ = try await life(fixture).deleteAlias(DeleteVersionAlias(modelID: "gpt", alias: "staging"), Self.context)
            #expect(try await put(.deprecated).deprecation != nil)
            #expect(try await put(.archived).status == .archived)
            let again = await #expect(throws: CatapultError.self) { try await put(.deprecated) }
            #expect(again?.code == "version_archived")
            let release = await #expect(throws: CatapultError.self) { try await put(isRelease: true) }
            #expect(release?.code == "version_archived")
            #expect(try await put(.active, isRelease: true).isRelease)
        }
    }

    @Test func aVersionThatWasUsedKeepsWhatDefinesIt() async throws {
        try await CoreFixture.with { fixture async throws in
            try await make(fixture, "1.0")
            func put(_ call: UpdateVersion) async throws -> Version { try await fixture.versions.update(call, Self.context) }
            #expect(
                try await put(UpdateVersion(versionID: "gpt:1.0", quantization: "Q4", digest: "d", sizeBytes: 5, platform: "linux/arm64"))
                    .digest == "d")
            let service = life(fixture)
            _ = try await service.setAlias(SetVersionAlias(modelID: "gpt", alias: "staging", version: "1.0"), Self.context)
            _ = try await service.deleteAlias(DeleteVersionAlias(modelID: "gpt", alias: "staging"), Self.context)
            // The alias is gone, but somebody may have deployed what it pointed at.
            for call in [
                UpdateVersion(versionID: "gpt:1.0", quantization: "Q5"), UpdateVersion(versionID: "gpt:1.0", digest: "e"),
                UpdateVersion(versionID: "gpt:1.0", sizeBytes: 6), UpdateVersion(versionID: "gpt:1.0", platform: "linux/amd64"),
                UpdateVersion(versionID: "gpt:1.0", cephPath: "elsewhere"),
            ] {
                let error = await #expect(throws: CatapultError.self) { try await put(call) }
                #expect(error?.status == 409 && error?.code == "version_immutable")
                #expect(error?.message.contains("was given the alias staging") == true)
                #expect(error?.details["uses"]?[0]?["kind"] == "aliased")
            }
            let same = try await put(UpdateVersion(versionID: "gpt:1.0", quantization: "Q4", releaseNotes: "n", metadata: ["a": 1]))
            #expect(same.releaseNotes == "n" && same.metadata == ["a": 1])
        }
    }

    @Test func whatFollowsFromListedFilesIsFixedFromTheStart() async throws {
        try await CoreFixture.with { fixture async throws in
            _ = try await fixture.model("gpt")
            let file = VersionFile(path: "w.gguf", sizeBytes: 4, sha256: String(repeating: "a", count: 64))
            _ = try await fixture.versions.create(CreateVersion(modelName: "gpt", version: "1.0", files: [file]), Self.context)
            let error = await #expect(throws: CatapultError.self) {
                try await fixture.versions.update(UpdateVersion(versionID: "gpt:1.0", sizeBytes: 5), Self.context)
            }
            #expect(error?.code == "version_immutable")
            #expect(try await fixture.versions.update(UpdateVersion(versionID: "gpt:1.0", platform: "p"), Self.context).platform == "p")
        }
    }

    @Test func whatLiesOutsideOfTheScopeCannotBeMoved() async throws {
        try await CoreFixture.with { fixture async throws in
            try await make(fixture, "1.0")
            try await make(fixture, "1.0", model: "mine")
            var context = Self.context
            context.scope = KeyScope(models: ["mine"])
            let hidden = context
            for body in [
                { _ = try await life(fixture).aliases(ListVersionAliases(modelID: "gpt"), hidden) },
                { _ = try await life(fixture).setAlias(SetVersionAlias(modelID: "gpt", alias: "a", version: "1.0"), hidden) },
                { _ = try await life(fixture).setAlias(SetVersionAlias(modelID: "mine", alias: "a", version: "gpt:1.0"), hidden) },
                { _ = try await life(fixture).promote(PromoteVersion(versionID: "gpt:1.0"), hidden) },
                { _ = try await life(fixture).deprecate(DeprecateVersion(versionID: "mine:1.0", successor: "gpt:1.0"), hidden) },
            ] as [() async throws -> Void] {
                let error = await #expect(throws: CatapultError.self) { try await body() }
                #expect(error?.status == 404)
            }
        }
    }
}
