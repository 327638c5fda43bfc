import CatapultAPI

/// One run of a server, as others on the same database see it.
struct ServerIdentity: Sendable, Equatable {
    /// New with every start.
    let id: String
    /// Where clients and other servers reach it.
    let url: String
    let version: String
    let startedAt: Timestamp

    init(id: String = Identifier.make(), url: String, version: String = CatapultVersion.current, startedAt: Timestamp = .now) {
        self.id = id
        self.url = url
        self.version = version
        self.startedAt = startedAt
    }
}
