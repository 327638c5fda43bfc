import Catapult
import CatapultAPI
import Foundation
import Testing

extension Integration {
    /// Who may do what, over every call of the contract.
    @Suite struct AccessControl {
        @Test func `no call lets anybody further than its rule says, and none tells what exists`() async throws {
            // One address shows more wrong keys here than a server hears otherwise.
            try await TestServer.run(environment: ["CATAPULT_FAILED_KEY_RATE": "100000"]) { server in
                let version = try await server.register(server.name("secret"))
                let environment = try await server.send(CreateEnvironment(name: "staging"))
                var keys: [Role: String] = [:]
                for role in [Role.viewer, .operator] {
                    keys[role] = try await server.send(CreateAPIKey(name: "\(role)", role: role)).key
                }
                let existing = [
                    "model_id": version.modelID, "version_id": version.id, "environment": environment.name, "type": "llama-cpp",
                    "path": "tiny.gguf",
                    "key_id": "viewer",
                ]
                for call in Catalogue.calls {
                    guard case .role(let needed) = call.access else { continue }
                    let real = Self.path(of: call.route) { existing[$0] ?? Self.nobody }
                    let unreal = Self.path(of: call.route) { _ in Self.nobody }
                    for key in [Key.none, .header("wrong.wrong-wrong"), .bearer("wrong.wrong-wrong")] {
                        try await Self.expectRefusal(401, call, real, unreal, key, server)
                    }
                    for (role, key) in keys where role < needed {
                        try await Self.expectRefusal(403, call, real, unreal, .header(key), server)
                    }
                    if let key = keys[needed], call.responseBody == .json {
                        let answer = try await server.request(call.route.method, unreal, key: .bearer(key), body: call.hasBody ? "{}" : nil)
                        #expect(![401, 403, 500].contains(answer.status), "\(call.name) as \(needed): \(answer)")
                    }
                }
                #expect(try await server.send(ListModels()).total == 1, "nothing was done")
                #expect(try await server.send(ListAPIKeys()).count == 3)
            }
        }

        private static let nobody = "00000000-0000-4000-8000-000000000000"

        private static func path(of route: Route, _ value: (String) -> String) -> String {
            Route.segments(of: route.path).map { segment in
                switch segment {
                case .literal(let text): "/" + text
                case .parameter(let name), .rest(let name): "/" + value(name)
                }
            }.joined()
        }

        private static func expectRefusal(
            _ status: Int, _ call: any APICall.Type, _ real: String, _ unreal: String, _ key: Key, _ server: TestServer
        ) async throws {
            var answers: [Answer] = []
            for path in [real, unreal] {
                for body in [nil, "{}", "{"] as [String?] where body == nil || call.hasBody {
                    answers.append(try await server.request(call.route.method, path, key: key, body: body))
                }
            }
            for answer in answers {
                #expect(answer.status == status, "\(call.name): \(answer)")
                #expect(answer.text == answers[0].text, "\(call.name): the answer must not depend on what exists or what is asked")
                #expect((answer.headers["WWW-Authenticate"].isEmpty) == (status == 403))
            }
        }

        @Test func `a revoked key is refused at once, an expired one from its moment on`() async throws {
            try await TestServer.run { server in
                let key = try await server.send(CreateAPIKey(name: "short-lived", role: .viewer))
                for form in [Key.header(key.key), .bearer(key.key)] {
                    #expect(try await server.request(.get, "/api/v1/models", key: form).status == 200)
                }
                try await server.send(DeleteAPIKey(keyID: key.id))
                let refused = try await server.request(.get, "/api/v1/models", key: .header(key.key))
                #expect(refused.status == 401)
                #expect(try refused.json["detail"] == "Invalid API key")
                #expect(try await server.request(.get, "/api/v1/models", key: .none).json["detail"] == "Missing API key")

                let moment = Timestamp(microseconds: Timestamp.current.microseconds + 1_500_000)
                let expiring = try await server.send(CreateAPIKey(name: "expiring", role: .viewer, expiresAt: moment))
                #expect(try await server.request(.get, "/api/v1/models", key: .header(expiring.key)).status == 200)
                try await eventually("the key has expired") {
                    try await server.request(.get, "/api/v1/models", key: .header(expiring.key)).status
                } until: {
                    $0 != 200
                }
                #expect(Timestamp.current >= moment)
                let expired = try await server.request(.get, "/api/v1/models", key: .header(expiring.key))
                #expect(expired.status == 401)
                #expect(expired.text == refused.text, "an expired key is not told from a wrong one")
                try await server.mcp("model list", key: expiring.key, exits: 5)

                let past = try await server.request(
                    .post, "/api/v1/api-keys", body: #"{"name": "late", "expires_at": "2020-01-01T00:00:00Z"}"#)
                #expect(past.status == 400)
                #expect(try past.json["field"] == "expires_at")
                let own = try #require(try await server.send(ListAPIKeys()).first { $0.name == "admin" })
                let suicide = try await server.request(.delete, "/api/v1/api-keys/\(own.id)")
                #expect(suicide.status == 400)
                #expect(try suicide.json["detail"]?.stringValue?.contains("self_delete") == true)
            }
        }

        @Test func `secrets are in no log and in no list`() async throws {
            try await TestServer.run { server in
                let key = try await server.send(CreateAPIKey(name: "ci", role: .operator))
                _ = try await server.client(key: key.key).send(ListModels())
                let lists = try await server.request(.get, "/api/v1/api-keys").text + server.request(.get, "/api/v1/audit-logs").text
                let secrets = [key.key, try server.adminKey].compactMap { $0.split(separator: ".").last.map(String.init) }
                try await server.stop()
                let log = try String(contentsOfFile: "\(server.folder)/server.log", encoding: .utf8)
                for secret in secrets {
                    #expect(!lists.contains(secret))
                    #expect(!log.contains(secret))
                }
            }
        }
    }
}

extension Timestamp {
    fileprivate static var current: Timestamp { Timestamp(microseconds: Int64(Date.now.timeIntervalSince1970 * 1e6)) }
}
