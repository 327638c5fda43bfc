import CatapultAPI
import Foundation
import HTTPTypes
import Testing

@testable import CatapultServer

@Suite struct AccessTests {
    @Test func nobodyGetsInWithoutAKey() async throws {
        try await CoreFixture.with { fixture async throws in
            try await fixture.http { http async throws in
                let answer = try await http.with(key: nil).send(.get, "/api/v1/models")
                #expect(answer.status == 401)
                #expect(answer.detail == "Missing API key")
                #expect(answer.headers[.wwwAuthenticate]?.hasPrefix("Bearer") == true)
                for wrong in [
                    "nonsense", "ffffffff.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", String(http.key?.prefix(9) ?? "") + "wrongwrong",
                ] {
                    let answer = try await http.with(key: wrong).send(.get, "/api/v1/models")
                    #expect(answer.status == 401)
                    #expect(answer.detail == "Invalid API key")
                }
            }
        }
    }

    @Test func aBearerTokenIsAsGoodAsTheHeader() async throws {
        try await CoreFixture.with { fixture async throws in
            try await fixture.http { http async throws in
                let answer = try await http.with(key: nil).send(
                    .get, "/api/v1/models", headers: [.authorization: "Bearer \(http.key ?? "")"])
                #expect(answer.status == 200)
            }
        }
    }

    @Test func rolesAreHeldAndSayNothingOfWhatExists() async throws {
        try await CoreFixture.with { fixture async throws in
            _ = try await fixture.model("there")
            let viewer = try await fixture.keys.create(
                CreateAPIKey(name: "v", role: .viewer), CoreFixture.context("create_api_key", .apiKey))
            let op = try await fixture.keys.create(CreateAPIKey(name: "o", role: .operator), CoreFixture.context("create_api_key", .apiKey))
            try await fixture.http { http async throws in
                let viewing = http.with(key: viewer.key)
                #expect(try await viewing.send(.get, "/api/v1/models").status == 200)
                let refused = try await viewing.send(.post, "/api/v1/models", #"{"name":"a","storage_path":"a"}"#)
                #expect(refused.status == 403)
                #expect(refused.detail == "Insufficient permissions. Required role: operator")
                let there = try await http.with(key: op.key).send(.delete, "/api/v1/models/there")
                let absent = try await http.with(key: op.key).send(.delete, "/api/v1/models/absent")
                #expect(there.status == 403)
                #expect(there.json == absent.json)
            }
        }
    }

    @Test func revokingWorksAtOnce() async throws {
        try await CoreFixture.with { fixture async throws in
            let made = try await fixture.keys.create(CreateAPIKey(name: "temporary"), CoreFixture.context("create_api_key", .apiKey))
            try await fixture.http { http async throws in
                #expect(try await http.with(key: made.key).send(.get, "/api/v1/models").status == 200)
                let deleted = try await http.send(.delete, "/api/v1/api-keys/\(made.id)")
                #expect(deleted.status == 200)
                #expect(deleted.json == ["success": true, "deleted_id": .string(made.id), "released": []])
                #expect(try await http.with(key: made.key).send(.get, "/api/v1/models").status == 401)
            }
        }
    }

    @Test func anExpiredKeyIsAsGoodAsNone() async throws {
        try await CoreFixture.with { fixture async throws in
            let made = try await fixture.keys.create(
                CreateAPIKey(name: "brief", expiresAt: .now + .seconds(3_600)), CoreFixture.context("create_api_key", .apiKey))
            try await fixture.database.write { try $0.execute("UPDATE api_keys SET expires_at = \(Timestamp.now) WHERE name = 'brief'") }
            try await fixture.http { http async throws in
                #expect(try await http.with(key: made.key).send(.get, "/api/v1/models").status == 401)
                let past = try await http.send(.post, "/api/v1/api-keys", #"{"name":"late","expires_at":"2001-01-01T00:00:00Z"}"#)
                #expect(past.status == 400)
                #expect(past.json["field"] == "expires_at")
            }
        }
    }

    @Test func aKeyCannotRevokeItself() async throws {
        try await CoreFixture.with { fixture async throws in
            try await fixture.http { http async throws in
                let answer = try await http.send(.delete, "/api/v1/api-keys/admin")
                #expect(answer.status == 400)
                #expect(answer.detail.contains("self_delete"))
            }
        }
    }

    @Test func secretsAreNeitherStoredNorListed() async throws {
        try await CoreFixture.with { fixture async throws in
            let made = try await fixture.keys.create(CreateAPIKey(name: "k"), CoreFixture.context("create_api_key", .apiKey))
            let secret = String(made.key.split(separator: ".")[1])
            let stored = try await fixture.database.read { connection in
                try connection.fetchColumn("SELECT prefix || salt || hash || name FROM api_keys", as: String.self)
            }
            #expect(!stored.joined().contains(secret))
            try await fixture.http { http async throws in
                #expect(try await !http.send(.get, "/api/v1/api-keys").json.jsonText.contains(secret))
                #expect(try await !http.send(.get, "/api/v1/audit-logs").json.jsonText.contains(secret))
            }
        }
    }

    @Test func theAdminKeyIsMadeOnceAndCanBeSet() async throws {
        try await CoreFixture.with { fixture async throws in
            let file = "\(fixture.directory)/admin.key"
            #expect(try String(contentsOfFile: file, encoding: .utf8) == fixture.adminKey + "\n")
            let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
            #expect(mode == 0o600)
            #expect(try await AdminKey.ensure(given: nil, dataDirectory: fixture.directory, database: fixture.database) == .unchanged)
            #expect(
                try await AdminKey.ensure(given: "admin.of-my-own", dataDirectory: fixture.directory, database: fixture.database) == .set)
            #expect(
                try await AdminKey.ensure(given: "admin.of-my-own", dataDirectory: fixture.directory, database: fixture.database)
                    == .unchanged)
            await #expect(throws: StartupError.self) {
                try await AdminKey.ensure(given: "nodot", dataDirectory: fixture.directory, database: fixture.database)
            }
            try await fixture.http { http async throws in
                #expect(try await http.with(key: "admin.of-my-own").send(.get, "/api/v1/api-keys").status == 200)
                #expect(try await http.send(.get, "/api/v1/api-keys").status == 401)
            }
        }
    }
}
