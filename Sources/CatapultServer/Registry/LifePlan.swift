import CatapultAPI

/// What a call on the life of a version would do: the steps, and what whoever asks should know. Decided from what there is, without I/O, so
/// that a dry run and the real one cannot differ.
struct LifePlan: Sendable, Equatable {
    var steps: [LifeStep] = []
    var warnings: [String] = []

    /// The stage whose versions are releases.
    static let releaseStage = "production"

    /// An alias is made or moved.
    ///
    /// - Throws: 409 where the version is archived.
    static func point(_ alias: String, from current: Version?, to version: Version) throws(CatapultError) -> LifePlan {
        try requireUsable(version, "be pointed at by an alias")
        var plan = LifePlan()
        if current?.id != version.id { plan.steps.append(.point(alias: alias, from: current, to: version)) }
        plan.warn(of: version)
        return plan
    }

    /// A version takes a stage.
    ///
    /// - Parameter current: the version that has the stage now.
    static func promote(_ version: Version, to stage: String, current: Version?) throws(CatapultError) -> LifePlan {
        try requireUsable(version, "be promoted")
        var plan = try point(stage, from: current, to: version)
        if stage == releaseStage, !version.isRelease { plan.steps.append(.mark(version, isRelease: true)) }
        if version.missingFiles > 0 {
            plan.warnings.append("\(version.missingFiles) of the \(version.fileCount) files of \(version.handle) have not arrived yet.")
        }
        return plan
    }

    /// A version leaves a stage; another may take it.
    ///
    /// - Throws: 409 where the version is not in the stage, or the replacement is archived.
    static func demote(
        _ version: Version, from stage: String, current: Version?, replacement: Version?
    ) throws(CatapultError) -> LifePlan {
        let isThere = current?.id == version.id
        guard isThere || (stage == releaseStage && version.isRelease) else {
            throw .conflict(
                "not_in_stage", "\(version.handle) is not in \(stage): \(current.map { "\($0.handle) is" } ?? "no version is").",
                field: "stage", hint: "List the aliases with `mcp version alias list \(version.modelName)`.",
                details: ["current_version": current.map { .string($0.handle) } ?? .null])
        }
        if let replacement { try requireUsable(replacement, "take the stage \(stage)") }
        var plan = LifePlan()
        if isThere, replacement?.id != version.id { plan.steps.append(.point(alias: stage, from: version, to: replacement)) }
        guard replacement?.id != version.id else { return plan }
        if stage == releaseStage {
            if version.isRelease { plan.steps.append(.mark(version, isRelease: false)) }
            if isThere, let replacement, !replacement.isRelease { plan.steps.append(.mark(replacement, isRelease: true)) }
        }
        if isThere, let replacement { plan.warn(of: replacement) }
        return plan
    }

    /// A version changes its status.
    ///
    /// - Parameters:
    ///   - deprecation: the words of a deprecation, where the step is one.
    ///   - references: what refers to the version now.
    /// - Throws: 409 where the table does not allow the step, or the version is in use and must not be put away.
    static func step(
        _ step: VersionLifecycle.Step, _ version: Version, deprecation: Deprecation? = nil, references: References? = nil
    ) throws(CatapultError) -> LifePlan {
        guard let status = VersionLifecycle.status(after: step, from: version.status) else {
            throw archived(version, "be deprecated")
        }
        if step == .archive, version.status != .archived, let error = references?.refusal(toArchive: version) { throw error }
        var plan = LifePlan()
        if status != version.status { plan.steps.append(.become(version, status)) }
        if step == .deprecate, let deprecation, deprecation.differs(from: version.deprecation) {
            plan.steps.append(.explain(version, deprecation))
        }
        return plan
    }

    /// - Throws: 409 where the version is archived.
    static func requireUsable(_ version: Version, _ purpose: String) throws(CatapultError) {
        guard VersionLifecycle.isUsable(version.status) else { throw archived(version, purpose) }
    }

    private static func archived(_ version: Version, _ purpose: String) -> CatapultError {
        .conflict(
            "version_archived", type: "VersionArchivedError", "\(version.handle) is archived, so it cannot \(purpose).",
            hint: "Restore it first with `mcp version restore \(version.handle)`, or take another version.",
            details: ["version_id": .string(version.id), "status": .string(version.status.rawValue)])
    }

    private mutating func warn(of version: Version) {
        if let warning = version.deprecationWarning { warnings.append(warning) }
    }
}

extension Deprecation {
    /// Whether it says something else; the moment is not what it says.
    fileprivate func differs(from other: Deprecation?) -> Bool {
        guard let other else { return message != nil || successorID != nil || retiresAt != nil }
        return message != other.message || successorID != other.successorID || retiresAt != other.retiresAt
    }
}
