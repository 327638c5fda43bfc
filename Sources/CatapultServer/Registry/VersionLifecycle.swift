import CatapultAPI

/// The statuses of a version and the ways between them. A table, nothing else.
enum VersionLifecycle {
    /// What can be done to a version's status.
    enum Step: String, CaseIterable, Sendable {
        case deprecate
        case archive
        case restore

        /// The step that leads to a status.
        init(to status: VersionStatus) {
            switch status {
            case .active: self = .restore
            case .deprecated: self = .deprecate
            case .archived: self = .archive
            }
        }
    }

    /// Where a step leads; nil where it is not allowed.
    static func status(after step: Step, from status: VersionStatus) -> VersionStatus? {
        switch (status, step) {
        case (.active, .deprecate), (.deprecated, .deprecate): .deprecated
        // What is put away does not come back as deprecated by the way: it is restored first, and that is a decision.
        case (.archived, .deprecate): nil
        case (_, .archive): .archived
        case (_, .restore): .active
        }
    }

    /// Whether a version may be deployed, promoted or be pointed at by an alias.
    static func isUsable(_ status: VersionStatus) -> Bool { status != .archived }
}
