import CatapultAPI

/// One thing that is done in the life of a version. A value: `LifePlan` says which steps there are, `LifeStore` carries them out.
enum LifeStep: Sendable, Equatable {
    /// An alias goes from one version to another; nil is nowhere.
    case point(alias: String, from: Version?, to: Version?)
    /// A version becomes a release, or ceases to be one.
    case mark(Version, isRelease: Bool)
    /// A version changes its status.
    case become(Version, VersionStatus)
    /// The words of a deprecation are set.
    case explain(Version, Deprecation)

    /// The step as clients see it.
    var change: VersionChange {
        switch self {
        case .point(let alias, let from, let to):
            let summary =
                switch (from, to) {
                case (nil, let to?): "alias \(alias) is made and points at \(to.handle)"
                case (let from?, nil): "alias \(alias) no longer points at \(from.handle) and is removed"
                case (let from?, let to?): "alias \(alias) moves from \(from.handle) to \(to.handle)"
                case (nil, nil): "alias \(alias) points nowhere"
                }
            return VersionChange(.alias, name: alias, from: from?.handle, to: to?.handle, summary: summary)
        case .mark(let version, let isRelease):
            return VersionChange(
                .release, name: version.handle, from: "\(version.isRelease)", to: "\(isRelease)",
                summary: isRelease ? "\(version.handle) becomes a release" : "\(version.handle) is no longer a release")
        case .become(let version, let status):
            return VersionChange(
                .status, name: version.handle, from: version.status.rawValue, to: status.rawValue,
                summary: "\(version.handle) becomes \(status.rawValue), it was \(version.status.rawValue)")
        case .explain(let version, let deprecation):
            let words = deprecation.words
            return VersionChange(
                .deprecation, name: version.handle, from: version.deprecation?.words, to: words,
                summary: "\(version.handle): \(words)")
        }
    }
}

extension Version {
    /// What people call it, and what calls and commands take: model:version.
    var handle: String { "\(modelName):\(version)" }
}
