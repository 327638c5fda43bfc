import CatapultAPI
import SQLDatabase

/// What a version was used for at some time. From its first use on, what defines a version cannot be changed: somebody relies on it.
enum VersionUse: String, CaseIterable, Sendable {
    case deployed
    case built
    case promoted
    case aliased
    case dependedOn = "depended_on"

    /// The use in words, to follow the version's name.
    func words(_ subject: String) -> String {
        switch self {
        case .deployed: "was deployed as \(subject)"
        case .built: "was built as \(subject)"
        case .promoted: "was promoted"
        case .aliased: "was given the alias \(subject)"
        case .dependedOn: "is or was a dependency of \(subject)"
        }
    }

    /// Notes the first use of a kind; later ones change nothing.
    func note(of versionID: String, by subject: String, in connection: any SQLConnection) throws {
        try connection.execute(
            """
            INSERT INTO version_uses (version_id, kind, subject, first_at) VALUES (\(versionID), \(self), \(subject), \(Timestamp.now))
            ON CONFLICT (version_id, kind) DO NOTHING
            """)
    }

    /// The uses of a version, the first one first.
    static func list(of versionID: String, in connection: any SQLConnection) throws -> [(
        kind: VersionUse, subject: String, firstAt: Timestamp
    )] {
        try connection.fetchAll(
            "SELECT kind, subject, first_at FROM version_uses WHERE version_id = \(versionID) ORDER BY first_at, kind"
        ) { row in
            guard let kind = VersionUse(rawValue: try row.get(0)) else { return nil }
            return (kind, try row.get(1) as String, try row.get(2) as Timestamp)
        }.compactMap { $0 }
    }
}
