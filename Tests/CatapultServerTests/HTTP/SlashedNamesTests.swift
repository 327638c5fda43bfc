import CatapultAPI
import Testing

@testable import CatapultServer

@Suite("Names with slashes") struct SlashedNamesTests {
    @Test(arguments: [
        ("/api/v1/models/org/model", "/api/v1/models/org%2Fmodel"),
        ("/api/v1/models/org/model/", "/api/v1/models/org%2Fmodel"),
        ("/api/v1/models/a/b/c/versions", "/api/v1/models/a%2Fb%2Fc/versions"),
        ("/api/v1/models/a/b/aliases", "/api/v1/models/a%2Fb/aliases"),
        ("/api/v1/models/a/b/aliases/production", "/api/v1/models/a%2Fb/aliases/production"),
        ("/api/v1/models/a/b/aliases/production/history", "/api/v1/models/a%2Fb/aliases/production/history"),
        ("/api/v1/models/a/b/references", "/api/v1/models/a%2Fb/references"),
        ("/api/v1/versions/org/model:1.0", "/api/v1/versions/org%2Fmodel:1.0"),
        ("/api/v1/releases/a/b/c:1.0/files/x:y/z", "/api/v1/releases/a%2Fb%2Fc:1.0/files/x:y/z"),
        ("/api/v1/versions/org/model%3A1.0/lineage", "/api/v1/versions/org%2Fmodel%3A1.0/lineage"),
        ("/api/v1/versions/org/model", "/api/v1/versions/org%2Fmodel"),
        ("/api/v1/versions/org/model/lineage", "/api/v1/versions/org%2Fmodel/lineage"),
        ("/api/v1/releases/org/model/mlflow-metadata/sync", "/api/v1/releases/org%2Fmodel/mlflow-metadata/sync"),
        ("/api/v1/versions/org/model/files", "/api/v1/versions/org%2Fmodel/files"),
        ("/api/v1/versions/org/model/files/a/lineage", "/api/v1/versions/org%2Fmodel/files/a/lineage"),
    ])
    func reachAsFarAsTheyCan(_ path: String, _ expected: String) {
        #expect(SlashedNames.encoded(path) == expected)
    }

    /// A route that is added later needs no line here: the endings are those of the catalogue.
    @Test func everyRouteOfModelsAndVersionsTakesNamesWithSlashes() {
        for call in Catalogue.calls {
            for path in [call.route.path, call.route.alias].compactMap({ $0 }) {
                let name = path.contains("/{model_id}") ? "org/model" : "org/model:1.0"
                let path = path.replacing("{path...}", with: "a/b")
                guard let place = ["/{model_id}", "/{version_id}"].first(where: path.contains),
                    ["models", "versions", "releases"].contains(where: { path.hasPrefix("/api/v1/\($0)/") })
                else { continue }
                #expect(
                    SlashedNames.encoded(path.replacing(place, with: "/\(name)"))
                        == path.replacing(place, with: "/\(name.replacing("/", with: "%2F"))"), "\(path)")
            }
        }
    }

    @Test(arguments: [
        "/api/v1/models", "/api/v1/models/", "/api/v1/models/options", "/api/v1/models/one/versions", "/api/v1/models/org%2Fmodel/versions",
        "/api/v1/versions/a/files/b/c", "/health", "/api/v1/models/one/aliases/production", "/api/v1/models/one/aliases/production/history",
        "/api/v1/versions/model:1.0/files/a:b/c", "/api/v1/versions/01234567-89ab-7cde-8f01-23456789abcd/files/a/b:c",
        "/api/v1/versions//model:1.0", "/api/v1/versions/latest", "/api/v1/versions/compare", "/api/v1/releases/options/",
        "/api/v1/versions/model/dependencies/01234567-89ab-7cde-8f01-23456789abcd", "/api/v1/versions/model/files/a/lineage",
    ])
    func otherPathsStayAsTheyAre(_ path: String) {
        #expect(SlashedNames.encoded(path) == nil)
    }
}
