import CatapultAPI
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Testing

@testable import CatapultServer

@Suite struct CORSTests {
    private let mine = CORSPolicy(origins: ["https://ui.example", "http://localhost:3000/"])

    @Test func onlyNamedOriginsMayRead() {
        let fields = mine.fields(for: "https://ui.example")
        #expect(fields[.accessControlAllowOrigin] == "https://ui.example")
        #expect(fields[.accessControlAllowCredentials] == "true")
        #expect(fields[.accessControlExposeHeaders]?.contains("Content-Disposition") == true)
        #expect(mine.fields(for: "http://localhost:3000")[.accessControlAllowOrigin] == "http://localhost:3000")
        for other in ["https://ui.example.evil", "http://ui.example", "null", "https://UI.example", ""] {
            #expect(mine.fields(for: other).isEmpty)
        }
        #expect(mine.fields(for: nil).isEmpty)
    }

    @Test func anyOriginMayReadWithoutCredentials() throws {
        let all = try #require(CORSPolicy("*"))
        #expect(all.fields(for: "https://a.example")[.accessControlAllowOrigin] == "*")
        #expect(all.fields(for: "https://a.example")[.accessControlAllowCredentials] == nil)
        #expect(!all.varies)
    }

    @Test func preflightsSayWhatIsAllowed() throws {
        let fields = try #require(mine.preflight(for: "https://ui.example"))
        #expect(fields[.accessControlMaxAge] == "600")
        #expect(fields[.accessControlAllowMethods] == "GET, POST, PUT, DELETE, OPTIONS, PATCH")
        for name in ["Content-Type", "Authorization", "X-API-Key", "Accept", "Origin", "X-Requested-With"] {
            #expect(fields[.accessControlAllowHeaders]?.contains(name) == true)
        }
        #expect(mine.preflight(for: "https://evil.example") == nil)
    }

    @Test(arguments: ["ui.example", "https://", "https://a.example/path", "ftp://a", "https://*.example", "https://ü.example"])
    func otherTextsAreNoOrigins(_ text: String) { #expect(CORSPolicy(text) == nil) }

    @Test func answersAndErrorsOfTheServerCarryThem() async throws {
        let router = Router(context: HTTPContext.self)
        router.add(middleware: CORSMiddleware(policy: mine))
        router.add(middleware: RequestMiddleware())
        router.get("/there") { _, _ in "yes" }
        try await Application(router: router).test(.router) { client in
            let origin: HTTPFields = [.origin: "https://ui.example"]
            for path in ["/there", "/nowhere"] {
                let answer = try await client.executeRequest(uri: path, method: .get, headers: origin, body: nil)
                #expect(answer.headers[.accessControlAllowOrigin] == "https://ui.example")
                #expect(answer.headers[.vary] == "Origin")
            }
            let asks: HTTPFields = [.origin: "https://ui.example", .accessControlRequestMethod: "DELETE"]
            #expect(try await client.executeRequest(uri: "/there", method: .options, headers: asks, body: nil).status == .noContent)
            let evil: HTTPFields = [.origin: "https://evil.example", .accessControlRequestMethod: "DELETE"]
            let refused = try await client.executeRequest(uri: "/there", method: .options, headers: evil, body: nil)
            #expect(refused.status == .forbidden && refused.headers[.accessControlAllowOrigin] == nil)
        }
    }
}
