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
    ])
    func reachAsFarAsTheyCan(_ path: String, _ expected: String) {
        #expect(SlashedNames.encoded(path) == expected)
    }

    @Test(arguments: [
        "/api/v1/models", "/api/v1/models/", "/api/v1/models/options", "/api/v1/models/one/versions", "/api/v1/models/org%2Fmodel/versions",
        "/api/v1/versions/a/files/b/c", "/health", "/api/v1/models/one/aliases/production", "/api/v1/models/one/aliases/production/history",
        "/api/v1/versions/model:1.0/files/a:b/c", "/api/v1/versions/01234567-89ab-7cde-8f01-23456789abcd/files/a/b:c",
        "/api/v1/versions//model:1.0", "/api/v1/versions/latest",
    ])
    func otherPathsStayAsTheyAre(_ path: String) {
        #expect(SlashedNames.encoded(path) == nil)
    }
}
