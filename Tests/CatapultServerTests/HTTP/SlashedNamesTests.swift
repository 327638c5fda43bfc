import Testing

@testable import CatapultServer

@Suite("Names with slashes") struct SlashedNamesTests {
    @Test(arguments: [
        ("/api/v1/models/org/model", "/api/v1/models/org%2Fmodel"),
        ("/api/v1/models/org/model/", "/api/v1/models/org%2Fmodel"),
        ("/api/v1/models/a/b/c/versions", "/api/v1/models/a%2Fb%2Fc/versions"),
    ])
    func reachAsFarAsTheyCan(_ path: String, _ expected: String) {
        #expect(SlashedNames.encoded(path) == expected)
    }

    @Test(arguments: [
        "/api/v1/models", "/api/v1/models/", "/api/v1/models/options", "/api/v1/models/one/versions", "/api/v1/models/org%2Fmodel/versions",
        "/api/v1/versions/a/files/b/c", "/health",
    ])
    func otherPathsStayAsTheyAre(_ path: String) {
        #expect(SlashedNames.encoded(path) == nil)
    }
}
