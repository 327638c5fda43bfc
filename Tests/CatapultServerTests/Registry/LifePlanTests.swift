import CatapultAPI
import Testing

@testable import CatapultServer

/// A version with plain content.
func makeVersion(
    _ name: String = "1.0", model: String = "gpt", status: VersionStatus = .active, isRelease: Bool = false, files: Int = 0,
    missing: Int = 0,
    deprecation: Deprecation? = nil, metadata: [String: JSONValue] = [:], tag: String? = nil
) -> Version {
    Version(
        id: "\(model)-\(name)", modelID: model, modelName: model, modelStoragePath: "models/\(model)", version: name, tag: tag ?? name,
        digest: "sha256:1", quantization: nil, sizeBytes: nil, platform: "linux/amd64", architecture: "amd64", os: "linux",
        releaseNotes: nil, metadata: metadata, cephPath: nil, mlflowURL: nil, isRelease: isRelease, status: status, fileCount: files,
        missingFiles: missing, deprecation: deprecation, createdAt: Timestamp(microseconds: 0))
}

@Suite("The life of versions, as plans") struct LifePlanTests {
    @Test("the table of statuses", arguments: VersionStatus.allCases, VersionLifecycle.Step.allCases)
    func table(status: VersionStatus, step: VersionLifecycle.Step) {
        let expected: VersionStatus? =
            switch step {
            case .restore: .active
            case .archive: .archived
            case .deprecate: status == .archived ? nil : .deprecated
            }
        #expect(VersionLifecycle.status(after: step, from: status) == expected)
        #expect(VersionLifecycle.Step(to: .active) == .restore)
    }

    @Test func anAliasMovesOnlyWhereItIsNotAlready() throws {
        let (old, new) = (makeVersion("1.0"), makeVersion("2.0"))
        #expect(try LifePlan.point("staging", from: nil, to: new).steps == [.point(alias: "staging", from: nil, to: new)])
        #expect(try LifePlan.point("staging", from: old, to: new).steps == [.point(alias: "staging", from: old, to: new)])
        #expect(try LifePlan.point("staging", from: new, to: new) == LifePlan())
    }

    @Test func whatIsArchivedIsNeitherPointedAtNorPromoted() {
        let archived = makeVersion(status: .archived)
        #expect(throws: CatapultError.self) { try LifePlan.point("staging", from: nil, to: archived) }
        let error = #expect(throws: CatapultError.self) { try LifePlan.promote(archived, to: "staging", current: nil) }
        #expect(error?.status == 409)
        #expect(error?.code == "version_archived")
    }

    @Test func onlyProductionMakesReleases() throws {
        let version = makeVersion()
        #expect(try LifePlan.promote(version, to: "staging", current: nil).steps == [.point(alias: "staging", from: nil, to: version)])
        #expect(
            try LifePlan.promote(version, to: "production", current: nil).steps == [
                .point(alias: "production", from: nil, to: version), .mark(version, isRelease: true),
            ])
        let release = makeVersion(isRelease: true)
        #expect(try LifePlan.promote(release, to: "production", current: release).steps.isEmpty)
    }

    @Test func promotingWarnsOfWhatIsMissingOrDeprecated() throws {
        let deprecation = Deprecation(
            message: "slow", successorID: "x", successor: "gpt:2.0", retiresAt: nil, deprecatedAt: Timestamp(microseconds: 0))
        let version = makeVersion(status: .deprecated, files: 3, missing: 2, deprecation: deprecation)
        let warnings = try LifePlan.promote(version, to: "staging", current: nil).warnings
        #expect(warnings == ["gpt:1.0 is deprecated: slow; use gpt:2.0 instead.", "2 of the 3 files of gpt:1.0 have not arrived yet."])
    }

    @Test func demotingGivesTheStageAway() throws {
        let (old, new) = (makeVersion("1.0"), makeVersion("2.0", isRelease: true))
        #expect(
            try LifePlan.demote(new, from: "production", current: new, replacement: nil).steps == [
                .point(alias: "production", from: new, to: nil), .mark(new, isRelease: false),
            ])
        #expect(
            try LifePlan.demote(new, from: "production", current: new, replacement: old).steps == [
                .point(alias: "production", from: new, to: old), .mark(new, isRelease: false), .mark(old, isRelease: true),
            ])
        // One that earlier clients promoted has the mark and no alias.
        #expect(
            try LifePlan.demote(new, from: "production", current: nil, replacement: nil).steps == [.mark(new, isRelease: false)])
        #expect(try LifePlan.demote(new, from: "production", current: new, replacement: new).steps.isEmpty)
        let error = #expect(throws: CatapultError.self) {
            try LifePlan.demote(old, from: "staging", current: new, replacement: nil)
        }
        #expect(error?.code == "not_in_stage")
        #expect(error?.details["current_version"] == "gpt:2.0")
    }

    @Test func deprecatingTwiceSaysOnlyWhatIsNew() throws {
        let words = Deprecation(
            message: "slow", successorID: nil, successor: nil, retiresAt: nil, deprecatedAt: Timestamp(microseconds: 0))
        let active = makeVersion()
        #expect(
            try LifePlan.step(.deprecate, active, deprecation: words).steps == [.become(active, .deprecated), .explain(active, words)])
        let deprecated = makeVersion(status: .deprecated, deprecation: words)
        #expect(try LifePlan.step(.deprecate, deprecated, deprecation: words).steps.isEmpty)
        var other = words
        other.message = "wrong"
        #expect(try LifePlan.step(.deprecate, deprecated, deprecation: other).steps == [.explain(deprecated, other)])
        #expect(throws: CatapultError.self) { try LifePlan.step(.deprecate, makeVersion(status: .archived), deprecation: words) }
    }

    @Test func archivingIsRefusedWhileInUseAndNotBecauseOfDependents() throws {
        func references(_ kind: ReferenceKind) -> References {
            References(
                items: [Reference(kind, id: "1", name: "it", refersTo: "gpt:1.0", removable: kind.isRemovable)], total: 1, blocking: 0)
        }
        for kind in [ReferenceKind.deployment, .operation, .alias] {
            let error = #expect(throws: CatapultError.self) { try LifePlan.step(.archive, makeVersion(), references: references(kind)) }
            #expect(error?.code == "still_referenced", "\(kind)")
        }
        let version = makeVersion()
        #expect(try LifePlan.step(.archive, version, references: references(.dependent)).steps == [.become(version, .archived)])
        #expect(try LifePlan.step(.archive, makeVersion(status: .archived), references: references(.alias)).steps.isEmpty)
    }

    @Test("a step says what it changes in words and in data")
    func changes() {
        let (old, new) = (makeVersion("1.0"), makeVersion("2.0"))
        let move = LifeStep.point(alias: "production", from: old, to: new).change
        #expect(move.summary == "alias production moves from gpt:1.0 to gpt:2.0")
        #expect(move.kind == .alias && move.name == "production" && move.from == "gpt:1.0" && move.to == "gpt:2.0")
        #expect(LifeStep.point(alias: "a", from: nil, to: new).change.summary == "alias a is made and points at gpt:2.0")
        #expect(LifeStep.point(alias: "a", from: old, to: nil).change.to == nil)
        #expect(LifeStep.become(old, .archived).change.summary == "gpt:1.0 becomes archived, it was active")
    }
}

@Suite("What defines a version") struct VersionDefinitionTests {
    @Test func onlyWhatIsDifferentIsAChange() {
        let version = makeVersion()
        #expect(VersionDefinition.changes(UpdateVersion(versionID: "x", releaseNotes: "n", status: .deprecated), of: version).isEmpty)
        #expect(VersionDefinition.changes(UpdateVersion(versionID: "x", digest: "sha256:1", platform: "linux/amd64"), of: version).isEmpty)
        #expect(
            VersionDefinition.changes(
                UpdateVersion(versionID: "x", quantization: "Q4", cephPath: "p", digest: "d", sizeBytes: 1, platform: "p"), of: version)
                == ["quantization", "ceph_path", "digest", "size_bytes", "platform"])
    }
}

@Suite("Refusals of deletes") struct ReferenceRefusalTests {
    private func references(_ kinds: ReferenceKind...) -> References {
        References(
            items: kinds.enumerated().map {
                Reference($1, id: "id\($0)", name: "name\($0)", refersTo: "gpt:1.0", removable: $1.isRemovable)
            }, total: kinds.count, blocking: kinds.count { !$0.isRemovable })
    }

    @Test func whatNothingRefersToGoes() {
        #expect(references().refusal(toDelete: "The version gpt:1.0", force: false) == nil)
    }

    @Test func forceRemovesReferencesAndNeverWhatRuns() {
        #expect(references(.alias, .dependent).refusal(toDelete: "X", force: true) == nil)
        #expect(references(.alias).refusal(toDelete: "X", force: false)?.hint?.contains("mcp version alias remove gpt:name0") == true)
        for kind in [ReferenceKind.deployment, .operation] {
            let error = references(kind, .alias).refusal(toDelete: "X", force: true)
            #expect(error?.status == 409 && error?.type == "StillReferencedError")
            #expect(error?.hint?.contains("force never ends what runs") == true)
        }
        #expect(references(.deployment).refusal(toDelete: "X", force: false)?.details["deployments"] == ["name0"])
    }

    @Test func whatCannotBeSeenIsStillCounted() {
        let hidden = References(items: [], total: 2, blocking: 0).refusal(toDelete: "X", force: false)
        #expect(hidden?.message == "X is still referred to by 2 things outside of this key's scope.")
        #expect(hidden?.details["reference_count"] == 2)
    }
}
