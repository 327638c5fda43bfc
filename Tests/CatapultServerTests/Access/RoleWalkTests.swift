import CatapultAPI
import HTTPTypes
import Testing

@testable import CatapultServer

/// Every call of the contract with every kind of caller: the declaration decides, and nothing else.
@Suite struct RoleWalkTests {
    /// Streams and downloads answer for things that are there only; here nothing is.
    private static let request = WholeServer.Request(body: [:])

    private static func needed(_ call: any APICall.Type) -> Role? {
        if case .role(let role) = call.access { role } else { nil }
    }

    private static func request(_ call: any APICall.Type) -> WholeServer.Request {
        WholeServer.Request(body: call.hasBody ? .object([:]) : nil)
    }

    @Test func withoutAValidKeyNothingButWhatIsOpenAnswers() async throws {
        try await WholeServer.with { server in
            for call in Catalogue.calls {
                for key in [nil, "wrong.wrong-wrong", "notakey", WholeServer.adminKey + "x"] {
                    let answer = try await server.send(call, Self.request(call), key: key)
                    if Self.needed(call) == nil {
                        #expect(answer.isSuccess, "\(call.name)")
                    } else {
                        #expect(answer.status == 401, "\(call.name)")
                        #expect(answer.headers[.wwwAuthenticate] != nil, "\(call.name)")
                    }
                }
            }
        }
    }

    @Test func eachRoleGetsAsFarAsTheDeclarationSays() async throws {
        try await WholeServer.with { server in
            for role in Role.allCases {
                let key = try await server.made(
                    .post, "/api/v1/api-keys", ["name": .string("of \(role)"), "role": .string(role.rawValue)])["key"]?.stringValue
                for call in Catalogue.calls {
                    guard let needed = Self.needed(call) else { continue }
                    // A sync and a collection would be queued; that they are let in is enough.
                    let answer = try await server.send(call, Self.request(call), key: key)
                    if role < needed {
                        #expect(answer.status == 403, "\(call.name) as \(role)")
                        #expect(answer.json["detail"]?.stringValue == "Insufficient permissions. Required role: \(needed)")
                    } else {
                        #expect(![401, 403, 500].contains(answer.status), "\(call.name) as \(role): \(answer.status) \(answer.text)")
                    }
                }
            }
        }
    }

    @Test func flagsThatNeedMoreAreHeldAgainstTheRole() async throws {
        try await WholeServer.with { server in
            let key = try await server.made(.post, "/api/v1/api-keys", ["name": "op", "role": "operator"])["key"]?.stringValue
            for call in Catalogue.calls {
                for (flag, role) in call.elevations {
                    let answer = try await server.send(call, .init(query: [flag: "true"]), key: key)
                    #expect(answer.status == 403, "\(call.name) with \(flag), which needs \(role)")
                }
            }
        }
    }

    @Test func whoComesWithoutAKeyMayOnlyReadAndOnlyWhereThatIsAllowed() async throws {
        try await WholeServer.with { configuration in
            configuration.admission.anonymous = .init(rateLimit: RateLimit(requestsPerSecond: 100_000))
        } _: { server in
            for call in Catalogue.calls {
                guard let needed = Self.needed(call) else { continue }
                let answer = try await server.send(call, Self.request(call), key: nil)
                if needed == .viewer {
                    #expect(![401, 403, 500].contains(answer.status), "\(call.name): \(answer.status)")
                } else {
                    #expect(answer.status == 401, "\(call.name)")
                }
                #expect(try await server.send(call, Self.request(call), key: "wrong.wrong-wrong").status == 401, "\(call.name)")
            }
        }
    }

    @Test func whoSeesAPartOnlyIsKeptFromWhatReachesAll() async throws {
        try await WholeServer.with { configuration in
            configuration.admission.anonymous = .init(
                scope: KeyScope(models: ["open/*"]), rateLimit: RateLimit(requestsPerSecond: 100_000))
        } _: { server in
            let limited = try await server.made(
                .post, "/api/v1/api-keys", ["name": "limited", "role": "admin", "scope": ["environments": ["staging"]]])["key"]?.stringValue
            for call in Catalogue.calls where call.needsWholeScope {
                let answer = try await server.send(call, Self.request(call), key: limited)
                #expect(answer.status == 403 && answer.json["code"] == "whole_scope_required", "\(call.name)")
                if Self.needed(call) == .viewer {
                    #expect(try await server.send(call, Self.request(call), key: nil).status == 403, "\(call.name)")
                }
            }
        }
    }
}
