import CatapultAPI
import DatabaseTesting
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Testing

@testable import CatapultServer

/// How keys change: new secrets, disabling, limits; and who comes without one.
@Suite struct KeyLifeTests {
    private func key(_ fixture: CoreFixture, _ call: CreateAPIKey) async throws -> NewAPIKey {
        try await fixture.keys.create(call, CoreFixture.context("create_api_key", .apiKey))
    }

    /// A router with the floor's models and keys, and a policy of its own.
    private func serve(
        _ fixture: CoreFixture, _ policy: RequestGate.Policy, _ body: @Sendable (HTTPProbe) async throws -> Void
    ) async throws {
        let router = Router(context: HTTPContext.self)
        router.add(middleware: RequestMiddleware())
        let audit = AuditLog(database: fixture.database)
        let routes = CallRoutes(
            router: router, gate: RequestGate(authenticator: fixture.authenticator, policy: policy), audit: audit, maximumBodySize: 64 << 10
        )
        let models = fixture.models
        routes.handle(ListModels.self) { try await models.list($0, $1) }
        routes.handle(CreateModel.self) { try await models.create($0, $1) }
        AccessRoutes.register(routes, keys: fixture.keys, audit: audit)
        let key = fixture.adminKey
        try await Application(router: router).test(.router) { client in try await body(HTTPProbe(client: client, key: key)) }
    }

    @Test func aRotatedKeyHasANewSecretAndTheOldOneEndsAtOnce() async throws {
        try await CoreFixture.with { fixture async throws in
            let made = try await key(fixture, CreateAPIKey(name: "k"))
            try await fixture.http { http async throws in
                let rotated = try await http.send(.post, "/api/v1/api-keys/k/rotate")
                #expect(rotated.status == 200)
                let new = try #require(rotated.json["key"]?.stringValue)
                #expect(new != made.key && new.prefix(8) == made.key.prefix(8))
                #expect(try await http.with(key: made.key).send(.get, "/api/v1/models").status == 401)
                #expect(try await http.with(key: new).send(.get, "/api/v1/models").status == 200)
                let shown = try await http.send(.get, "/api/v1/api-keys/k")
                #expect(shown.json["rotated_at"]?.stringValue != nil)
                #expect(!shown.json.jsonText.contains(new.dropFirst(9)))
            }
        }
    }

    @Test func bothSecretsWorkWhileTheyOverlap() async throws {
        try await CoreFixture.with { fixture async throws in
            let made = try await key(fixture, CreateAPIKey(name: "k"))
            try await fixture.http { http async throws in
                let rotated = try await http.send(.post, "/api/v1/api-keys/k/rotate", #"{"overlap_seconds":600}"#)
                let new = try #require(rotated.json["key"]?.stringValue)
                #expect(rotated.json["previous_valid_until"]?.stringValue != nil)
                #expect(try await http.with(key: made.key).send(.get, "/api/v1/models").status == 200)
                #expect(try await http.with(key: new).send(.get, "/api/v1/models").status == 200)
                // Rotating again, at once, ends both.
                _ = try await http.send(.post, "/api/v1/api-keys/k/rotate")
                #expect(try await http.with(key: made.key).send(.get, "/api/v1/models").status == 401)
                #expect(try await http.with(key: new).send(.get, "/api/v1/models").status == 401)
                #expect(try await http.send(.post, "/api/v1/api-keys/k/rotate", #"{"overlap_seconds":604801}"#).status == 422)
            }
        }
    }

    @Test func theOldSecretEndsWithItsTime() {
        let (old, new) = (KeySecret.random(), KeySecret.random())
        var record = KeyService.record(name: "k", role: .viewer, scope: .everything, secret: new, expiresAt: nil)
        record.previous = .init(salt: "s", hash: old.hash(salt: "s"), validUntil: Timestamp(microseconds: 1_000))
        #expect(record.accepts(old, at: Timestamp(microseconds: 999)))
        #expect(!record.accepts(old, at: Timestamp(microseconds: 1_000)))
        #expect(record.accepts(new, at: Timestamp(microseconds: 1_000)))
    }

    @Test func aDisabledKeyIsAsGoodAsNoneUntilItIsEnabled() async throws {
        try await CoreFixture.with { fixture async throws in
            let made = try await key(fixture, CreateAPIKey(name: "k", description: "of the CI", owner: "team"))
            try await fixture.http { http async throws in
                #expect(try await http.with(key: made.key).send(.get, "/api/v1/models").status == 200)
                let disabled = try await http.send(.put, "/api/v1/api-keys/k", #"{"is_active":false}"#)
                #expect(disabled.json["is_active"] == false && disabled.json["owner"] == "team")
                #expect(try await http.with(key: made.key).send(.get, "/api/v1/models").status == 401)
                #expect(try await http.send(.put, "/api/v1/api-keys/k", #"{"is_active":true}"#).json["disabled_at"] == .null)
                #expect(try await http.with(key: made.key).send(.get, "/api/v1/models").status == 200)
                let own = try await http.send(.put, "/api/v1/api-keys/admin", #"{"is_active":false}"#)
                #expect(own.status == 400 && own.detail.contains("self_disable"))
            }
        }
    }

    @Test("what one server does to a key, another on the database hears of", .timeLimit(.minutes(1)), arguments: [true, false])
    func otherServersHear(_ isRotated: Bool) async throws {
        guard TestDatabase.all.contains(.postgresql) else { return }
        try await CoreFixture.with(on: [.postgresql]) { fixture async throws in
            let made = try await key(fixture, CreateAPIKey(name: "k"))
            // Another server's memory of keys, which would last for longer than this test may take.
            let other = Authenticator(database: fixture.database, maximumAge: .seconds(3_600))
            let follower = Task { await other.followChanges() }
            defer { follower.cancel() }
            _ = try await other.caller(of: made.key, address: nil)
            let context = CoreFixture.context("update_api_key", .apiKey)
            while true {
                // Whoever does not listen yet misses the first change: it is made until it is heard of.
                if isRotated {
                    _ = try await fixture.keys.rotate(RotateAPIKey(keyID: "k"), context)
                } else {
                    _ = try await fixture.keys.update(UpdateAPIKey(keyID: "k", isActive: false), context)
                }
                do {
                    _ = try await other.caller(of: made.key, address: nil)
                } catch let error as CatapultError {
                    #expect(error.status == 401)
                    return
                }
            }
        }
    }

    @Test func lastUseIsWrittenOnceInAWhile() async throws {
        try await CoreFixture.with { fixture async throws in
            let made = try await key(fixture, CreateAPIKey(name: "k"))
            try await fixture.http { http async throws in
                #expect(try await http.with(key: made.key).send(.get, "/api/v1/models").status == 200)
                #expect(try await http.send(.get, "/api/v1/api-keys/k").json["last_used_at"] == .null)
                try await fixture.authenticator.saveUse()
                let used = try #require(try await http.send(.get, "/api/v1/api-keys/k").json["last_used_at"]?.stringValue)
                #expect(Timestamp(used).map { $0 <= .now && $0 >= made.createdAt } == true)
                // A wrong secret is no use of the key.
                _ = try await http.with(key: made.key + "x").send(.get, "/api/v1/models")
                try await fixture.authenticator.saveUse()
                #expect(try await http.send(.get, "/api/v1/api-keys/k").json["last_used_at"]?.stringValue == used)
            }
        }
    }

    @Test func answersThatFailSayWhatRemainsOfTheLimitToo() async throws {
        try await CoreFixture.with { fixture async throws in
            let made = try await key(fixture, CreateAPIKey(name: "k", rateLimit: RateLimit(requestsPerSecond: 0.01, burst: 3)))
            try await fixture.http { http async throws in
                let limit = try #require(HTTPField.Name("RateLimit"))
                let slow = http.with(key: made.key)
                #expect(try await slow.send(.get, "/api/v1/models/nowhere").headers[limit] == "\"key\";r=2;t=100")
                #expect(try await slow.send(.delete, "/api/v1/models/nowhere").headers[limit] == "\"key\";r=1;t=200")
                _ = try await slow.send(.get, "/api/v1/models")
                let last = try await slow.send(.get, "/api/v1/models")
                #expect(last.status == 429 && last.headers[limit] == "\"key\";r=0;t=300")
            }
        }
    }

    @Test func aKeyThatIsInUseIsNotKeptOutByOtherWrongKeysOfItsAddress() async throws {
        try await CoreFixture.with { fixture async throws in
            let made = try await key(fixture, CreateAPIKey(name: "k"))
            try await fixture.http { http async throws in
                #expect(try await http.with(key: made.key).send(.get, "/api/v1/models").status == 200)
                // It is forgotten, as it is when any key changes on another server; that it was in use is not.
                fixture.authenticator.forget(prefix: String(made.key.prefix(8)))
                var seen: Set<Int> = []
                for number in 0..<40 {
                    seen.insert(try await http.with(key: "ffff\(1_000 + number).wrong-wrong-wrong").send(.get, "/api/v1/models").status)
                }
                #expect(seen == [401, 429])
                #expect(try await http.with(key: made.key).send(.get, "/api/v1/models").status == 200)
            }
        }
    }

    @Test func namesOfTheAuditLogAreNotForKeys() async throws {
        try await CoreFixture.with { fixture async throws in
            for name in ["system", "anonymous"] {
                await #expect(throws: CatapultError.self) { _ = try await key(fixture, CreateAPIKey(name: name)) }
            }
        }
    }

    @Test func aKeyHasItsOwnLimit() async throws {
        try await CoreFixture.with { fixture async throws in
            let made = try await key(fixture, CreateAPIKey(name: "k", rateLimit: RateLimit(requestsPerSecond: 0.01, burst: 2)))
            try await fixture.http { http async throws in
                let slow = http.with(key: made.key)
                let first = try await slow.send(.get, "/api/v1/models")
                #expect(first.status == 200)
                let name = try #require(HTTPField.Name("RateLimit-Policy"))
                #expect(first.headers[name] == "\"key\";q=2;w=200")
                #expect(first.headers[try #require(HTTPField.Name("RateLimit"))] == "\"key\";r=1;t=100")
                #expect(try await slow.send(.get, "/api/v1/models").status == 200)
                let third = try await slow.send(.get, "/api/v1/models")
                #expect(third.status == 429)
                #expect(Int(third.headers[.retryAfter] ?? "").map { (90...100).contains($0) } == true)
                #expect(third.json["code"] == "too_many_requests")
                // Nobody else has less for it.
                #expect(try await http.send(.get, "/api/v1/models").status == 200)
            }
        }
    }

    @Test func keysWithoutALimitHaveTheServers() async throws {
        try await CoreFixture.with { fixture async throws in
            try await serve(fixture, .init(rateLimit: RateLimit(requestsPerSecond: 0.01, burst: 1))) { http async throws in
                #expect(try await http.send(.get, "/api/v1/models").status == 200)
                #expect(try await http.send(.get, "/api/v1/models").status == 429)
            }
        }
    }

    @Test func wrongKeysAreHeardOnlySoOften() async throws {
        try await CoreFixture.with { fixture async throws in
            let made = try await key(fixture, CreateAPIKey(name: "k"))
            try await fixture.http { http async throws in
                #expect(try await http.with(key: made.key).send(.get, "/api/v1/models").status == 200)
                let guess = http.with(key: String(made.key.prefix(9)) + "wrong-wrong-wrong")
                var seen: Set<Int> = []
                for _ in 0..<40 { seen.insert(try await guess.send(.get, "/api/v1/models").status) }
                #expect(seen == [401, 429])
                // The guessed key waits, also with the right secret; others do not.
                #expect(try await http.with(key: made.key).send(.get, "/api/v1/models").status == 429)
                #expect(try await http.send(.get, "/api/v1/models").status == 200)
            }
        }
    }

    @Test func withoutAKeyOneMayReadOnlyWhereThatIsAllowed() async throws {
        try await CoreFixture.with { fixture async throws in
            _ = try await fixture.model("open/a")
            _ = try await fixture.model("closed/b")
            let anonymous = RequestGate.Anonymous(
                scope: KeyScope(models: ["open/*"]), rateLimit: RateLimit(requestsPerSecond: 0.01, burst: 5))
            try await serve(fixture, .init(anonymous: anonymous)) { http async throws in
                let nobody = http.with(key: nil)
                #expect(try await nobody.send(.get, "/api/v1/models").json["total"] == 1)
                #expect(try await nobody.send(.post, "/api/v1/models", #"{"name":"x","storage_path":"x"}"#).status == 401)
                #expect(try await nobody.send(.get, "/api/v1/api-keys").status == 401)
                // A wrong key is not taken for none.
                #expect(try await http.with(key: "ffffffff.aaaaaaaaaaaaaaaa").send(.get, "/api/v1/models").status == 401)
                var last = 0
                for _ in 0..<6 { last = try await nobody.send(.get, "/api/v1/models").status }
                #expect(last == 429)
                #expect(try await http.send(.get, "/api/v1/models").json["total"] == 2)
            }
        }
    }

    @Test func settingsAreReadOrRefusedByName() throws {
        var configuration = ServerConfiguration(dataDirectory: "d", templatesDirectory: "t")
        try configuration.takeAccessSettings { name in
            [
                "CATAPULT_RATE_LIMIT": "10/50", "CATAPULT_ANONYMOUS_ROLE": "viewer", "CATAPULT_ANONYMOUS_RATE": "1",
                "CATAPULT_ANONYMOUS_MODELS": "open/*, b", "CATAPULT_TRUSTED_PROXIES": "10.0.0.0/8,::1", "CORS_ORIGINS": "https://a.example",
            ][name]
        }
        #expect(configuration.admission.rateLimit == RateLimit(requestsPerSecond: 10, burst: 50))
        #expect(configuration.admission.anonymous?.scope == KeyScope(models: ["open/*", "b"]))
        #expect(configuration.cors == CORSPolicy(origins: ["https://a.example"]))
        for (name, value) in [
            ("CATAPULT_RATE_LIMIT", "fast"), ("CATAPULT_ANONYMOUS_ROLE", "admin"), ("CATAPULT_TRUSTED_PROXIES", "everyone"),
            ("CORS_ORIGINS", "example"),
        ] {
            let error = #expect(throws: StartupError.self) { try configuration.takeAccessSettings { $0 == name ? value : nil } }
            #expect(error?.description.contains(name) == true)
        }
    }
}
