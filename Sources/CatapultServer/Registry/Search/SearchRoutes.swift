import CatapultAPI

/// Binds the search.
enum SearchRoutes {
    static func register(_ routes: CallRoutes, search: SearchService) {
        routes.handle(Search.self) { try await search.search($0, for: $1.scope) }
    }
}
