import CatapultAPI
import SQLDatabase

/// Carries out the steps of a plan, in the caller's transaction.
enum LifeStore {
    static func apply(_ plan: LifePlan, reason: String?, by mover: String?, in connection: any SQLConnection) throws {
        for step in plan.steps { try apply(step, reason: reason, by: mover, in: connection) }
    }

    private static func apply(_ step: LifeStep, reason: String?, by mover: String?, in connection: any SQLConnection) throws {
        switch step {
        case .point(let alias, let from, let to):
            guard let modelID = to?.modelID ?? from?.modelID else { return }
            try AliasStore.point(alias, modelID: modelID, from: from, to: to, reason: reason, by: mover, in: connection)
        case .mark(let version, let isRelease):
            try connection.execute("UPDATE versions SET is_release = \(isRelease) WHERE id = \(version.id)")
            if isRelease { try VersionUse.promoted.note(of: version.id, by: "release", in: connection) }
        case .become(let version, .active):
            try connection.execute(
                """
                UPDATE versions SET status = \(VersionStatus.active), deprecation_message = NULL, successor_id = NULL, retires_at = NULL,
                    deprecated_at = NULL
                WHERE id = \(version.id)
                """)
        case .become(let version, .deprecated):
            try connection.execute(
                "UPDATE versions SET status = \(VersionStatus.deprecated), deprecated_at = \(Timestamp.now) WHERE id = \(version.id)")
        case .become(let version, .archived):
            try connection.execute("UPDATE versions SET status = \(VersionStatus.archived) WHERE id = \(version.id)")
        case .explain(let version, let deprecation):
            try connection.execute(
                """
                UPDATE versions SET deprecation_message = \(deprecation.message), successor_id = \(deprecation.successorID),
                    retires_at = \(deprecation.retiresAt)
                WHERE id = \(version.id)
                """)
        }
    }
}
