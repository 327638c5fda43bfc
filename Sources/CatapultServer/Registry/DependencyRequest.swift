import CatapultAPI

/// What a dependency that a client wants to add points at, as far as the request alone says it.
enum DependencyRequest: Sendable, Equatable {
    /// A version of this registry, by a reference that has yet to be resolved.
    case version(String)
    /// An artifact of this registry.
    case artifact(String)
    /// Something elsewhere. Two requests mean the same thing where their keys are equal.
    case external(key: String)

    /// Reads a request.
    ///
    /// - Throws: 422 where it names nothing, or several things.
    init(_ dependency: NewDependency, at location: [String] = []) throws(CatapultError) {
        let external = dependency.purl ?? dependency.url ?? dependency.name
        let named = [dependency.target, dependency.artifactID, external].compactMap { $0 }
        guard named.count == 1 else {
            let message =
                named.isEmpty
                ? "is required (or artifact_id, or one of name, url and purl)"
                : "cannot be given with others: a dependency is one of target, artifact_id, and something external (name, url, purl)"
            throw .unprocessable([FieldProblem(kind: named.isEmpty ? .missing : .value, location: location + ["target"], message: message)])
        }
        if let target = dependency.target {
            self = .version(target)
        } else if let id = dependency.artifactID {
            self = .artifact(id)
        } else {
            // A package URL names its version by itself; for the others the revision is part of what is meant.
            let revision = dependency.purl == nil ? dependency.revision.map { "@\($0)" } ?? "" : ""
            self = .external(key: "\(named[0])\(revision)")
        }
    }
}
