import HTTPTypes
import NIOConcurrencyHelpers
import Testing

@testable import CatapultServer

extension HTTPField.Name {
    /// The port of the site, for answers that name it.
    fileprivate static let port = parsed("x-port")
}

@Suite struct OutgoingClientTests {
    private func client(_ allowed: String = "127.0.0.1,a.example,b.example") throws -> OutgoingClient {
        var client = OutgoingClient(policy: try #require(OutgoingPolicy(allowedHosts: allowed)))
        client.resolve = { host in
            host.hasSuffix(".example") ? [IPAddress("127.0.0.1")].compactMap { $0 } : OutgoingClient.addresses(of: host)
        }
        return client
    }

    @Test func followsRedirectsAndKeepsSecretsAtHome() async throws {
        try await TestSite.run { asked in
            switch asked.path {
            case "/start": .text("", status: 302, headers: ["Location": "/next"])
            case "/next":
                .text("", status: 307, headers: ["Location": "http://b.example:\(asked.headers[.port] ?? "")/end"])
            default: .text("arrived")
            }
        } _: { site in
            let request = OutgoingClient.Request(
                url: "http://a.example:\(site.port)/start", headers: ["x-port": "\(site.port)"],
                secretHeaders: ["authorization": "Bearer s"])
            let text = try await client().send(request) { String(decoding: try await $0.bytes(limit: 100), as: UTF8.self) }
            #expect(text == "arrived")
            #expect(site.asked.map(\.path) == ["/start", "/next", "/end"])
            #expect(site.asked.map { $0.headers[.authorization] } == ["Bearer s", "Bearer s", nil])
        }
    }

    @Test(arguments: [
        "http://169.254.169.254/latest/meta-data", "http://[::ffff:169.254.169.254]/", "http://0xa9fea9fe/", "http://2852039166/",
        "//10.0.0.1/", "file:///etc/passwd", "gopher://a.example/", "http://user:pw@a.example/", "http://a.example:25/",
    ])
    func aRedirectToWhereNobodyMayGoIsRefused(location: String) async throws {
        try await TestSite.run { _ in
            .text("", status: 302, headers: ["Location": location])
        } _: { site in
            await #expect(throws: OutgoingPolicy.Refusal.self) {
                try await client().send(.init(url: "http://a.example:\(site.port)/")) { $0.status }
            }
        }
    }

    @Test func aLoopOfRedirectsEnds() async throws {
        try await TestSite.run { _ in
            .text("", status: 302, headers: ["Location": "/again"])
        } _: { site in
            await #expect(throws: OutgoingProblem.tooManyRedirects) {
                try await client().send(.init(url: site.url)) { $0.status }
            }
            #expect(site.asked.count == 6)
        }
    }

    @Test(arguments: ["rebinding.invalid", "REBINDING.Invalid", "rebinding.invalid.", "xn--hst-sna.invalid", "a_b.invalid"])
    func aNameIsResolvedOncePerConnectionAndTheJudgedAddressIsUsed(host: String) async throws {
        try await TestSite.run { _ in
            .text("here")
        } _: { site in
            let count = NIOLockedValueBox(0)
            var client = OutgoingClient(policy: try #require(OutgoingPolicy(allowedHosts: "127.0.0.0/8")))
            // The name means this host once, and something that nobody listens on afterwards.
            client.resolve = { _ in
                let first = count.withLockedValue { value in
                    value += 1
                    return value == 1
                }
                return [IPAddress(first ? "127.0.0.1" : "192.0.2.1")].compactMap { $0 }
            }
            let status = try await client.send(.init(url: "http://\(host):\(site.port)/")) { $0.status }
            #expect(status == 200)
            #expect(count.withLockedValue { $0 } == 1)
        }
    }

    @Test func aNameThatLeadsNowhereIsAServerThatIsAway() async throws {
        var client = OutgoingClient(policy: try #require(OutgoingPolicy(allowedHosts: "")))
        client.resolve = { _ in [] }
        await #expect(throws: OutgoingProblem.unreachable(host: "mlflow.invalid", reason: "the name leads to no address")) {
            try await client.send(.init(url: "http://mlflow.invalid/")) { $0.status }
        }
    }

    @Test func aBodyThatDripsEndsWithTheTime() async throws {
        try await TestSite.run { _ in
            .init(body: [UInt8](repeating: 65, count: 1_000), drip: .milliseconds(50))
        } _: { site in
            var limits = OutgoingClient.Limits()
            limits.total = .milliseconds(500)
            await #expect(throws: OutgoingProblem.timedOut(host: "127.0.0.1")) {
                try await client().send(.init(url: site.url, limits: limits)) { try await $0.bytes(limit: 10_000).count }
            }
        }
    }

    @Test func sizesAndTimesHaveLimits() async throws {
        try await TestSite.run { asked in
            asked.path == "/slow" ? .init(hangs: true) : .init(body: [UInt8](repeating: 65, count: 10_000))
        } _: { site in
            await #expect(throws: OutgoingProblem.tooLarge(limit: 9_999)) {
                try await client().send(.init(url: site.url)) { try await $0.bytes(limit: 9_999).count }
            }
            var limits = OutgoingClient.Limits()
            limits.total = .milliseconds(200)
            await #expect(throws: OutgoingProblem.timedOut(host: "127.0.0.1")) {
                try await client().send(.init(url: "\(site.url)/slow", limits: limits)) { $0.status }
            }
        }
    }

    @Test func whoeverIsNotThereIsNamed() async throws {
        let port = try await freePort()
        await #expect(throws: OutgoingProblem.unreachable(host: "127.0.0.1", reason: "connection refused")) {
            try await client().send(.init(url: "http://127.0.0.1:\(port)/")) { $0.status }
        }
    }

    /// A port on which nobody listens any more.
    private func freePort() async throws -> Int {
        let port = NIOLockedValueBox(0)
        try await TestSite.run { _ in
            .text("")
        } _: { site in
            port.withLockedValue { $0 = site.port }
        }
        return port.withLockedValue { $0 }
    }
}
