import Foundation
import Testing

@testable import CatapultServer

@Suite struct OutgoingPolicyTests {
    @Test(arguments: [
        "127.0.0.1", "127.255.255.254", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
        "100.64.0.1",
        "100.100.100.200", "168.63.129.16", "192.0.0.1", "198.18.0.1", "224.0.0.1", "255.255.255.255", "203.0.113.9", "::1", "::",
        "fe80::1",
        "fc00::1", "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
        "2001:db8::1", "2001::1", "::7f00:1", "100::1", "fec0::1", "::ffff:0:127.0.0.1", "64:ff9b:1::7f00:1", "2002:a9fe:a9fe::1",
        "::ffff:169.254.169.254",
    ])
    func isRefusedByDefault(address: String) throws {
        let found = try #require(IPAddress(address))
        let target = OutgoingPolicy.Target(host: "x.example", port: 80, isEncrypted: false)
        #expect(throws: OutgoingPolicy.Refusal.self) { try OutgoingPolicy().choose([found], for: target) }
        let open = try #require(IPAddress("93.184.216.34"))
        #expect(throws: OutgoingPolicy.Refusal.self, "one bad address spoils a name") {
            try OutgoingPolicy().choose([open, found], for: target)
        }
    }

    @Test(arguments: [
        "93.184.216.34", "172.15.0.1", "172.32.0.1", "9.255.255.255", "11.0.0.0", "2606:2800:220:1::1", "::ffff:8.8.8.8",
        "64:ff9b::808:808",
    ])
    func isFine(address: String) throws {
        let found = try #require(IPAddress(address))
        #expect(try OutgoingPolicy().choose([found], for: .init(host: "x.example", port: 443, isEncrypted: true)) == found)
    }

    struct Row: Sendable {
        var allowed: String
        var host: String
        var port: Int
        var address: String
        var isAllowed: Bool
    }

    @Test(arguments: [
        Row(allowed: "mlflow.internal", host: "mlflow.internal", port: 5000, address: "10.0.0.9", isAllowed: true),
        Row(allowed: "MLFLOW.internal", host: "mlflow.INTERNAL.", port: 5000, address: "10.0.0.9", isAllowed: true),
        Row(allowed: "mlflow.internal:5000", host: "mlflow.internal", port: 5000, address: "10.0.0.9", isAllowed: true),
        Row(allowed: "mlflow.internal:5000", host: "mlflow.internal", port: 22, address: "10.0.0.9", isAllowed: false),
        Row(allowed: "mlflow.internal", host: "evil-mlflow.internal", port: 80, address: "10.0.0.9", isAllowed: false),
        Row(allowed: "*.corp.example", host: "a.b.corp.example", port: 80, address: "10.0.0.9", isAllowed: true),
        Row(allowed: "*.corp.example", host: "corp.example", port: 80, address: "10.0.0.9", isAllowed: false),
        Row(allowed: "*.corp.example", host: "xcorp.example", port: 80, address: "10.0.0.9", isAllowed: false),
        Row(allowed: "10.1.0.0/16", host: "x", port: 80, address: "10.1.255.1", isAllowed: true),
        Row(allowed: "10.1.0.0/16", host: "x", port: 80, address: "10.2.0.1", isAllowed: false),
        Row(allowed: "10.1.0.0/16", host: "x", port: 80, address: "::ffff:10.1.2.3", isAllowed: true),
        Row(allowed: "127.0.0.1", host: "localhost", port: 80, address: "127.0.0.1", isAllowed: true),
        Row(allowed: "127.0.0.1:5000", host: "127.0.0.1", port: 5000, address: "127.0.0.1", isAllowed: true),
        Row(allowed: "127.0.0.1:5000", host: "127.0.0.1", port: 80, address: "127.0.0.1", isAllowed: false),
        Row(allowed: "[::1]:8080, other", host: "[::1]", port: 8080, address: "::1", isAllowed: true),
        Row(allowed: "fd00::/8", host: "x", port: 80, address: "fd12::1", isAllowed: true),
    ])
    func exceptionsAreExact(row: Row) throws {
        let policy = try #require(OutgoingPolicy(allowedHosts: row.allowed))
        let address = try #require(IPAddress(row.address))
        let target = OutgoingPolicy.Target(host: row.host, port: row.port, isEncrypted: false)
        if row.isAllowed {
            #expect(try policy.choose([address], for: target) == address)
        } else {
            #expect(throws: OutgoingPolicy.Refusal.self) { try policy.choose([address], for: target) }
        }
    }

    @Test(arguments: ["http://x", "a b", "host:0", "host:99999", "10.0.0.0/33", "*.", "höst", "host/path"])
    func wrongEntriesAreRefused(list: String) { #expect(OutgoingPolicy(allowedHosts: list) == nil) }

    @Test(arguments: [
        "ftp://x.example", "file:///etc/passwd", "gopher://x", "http://user:pw@x.example/", "http://user@x.example/", "http:///x",
        "x.example",
    ])
    func urlsThatAreNone(url: String) throws {
        let parsed = try #require(URL(string: url))
        #expect(throws: OutgoingPolicy.Refusal.self) { try OutgoingPolicy().target(of: parsed) }
    }

    @Test(arguments: [22, 25, 53, 143, 2049, 6000, 6667])
    func portsOfOtherServicesAreRefusedUnlessNamed(port: Int) throws {
        let url = try #require(URL(string: "http://mail.example:\(port)/"))
        #expect { try OutgoingPolicy().target(of: url) } throws: {
            ($0 as? OutgoingPolicy.Refusal)?.hint.contains("mail.example:\(port)") == true
        }
        #expect(try #require(OutgoingPolicy(allowedHosts: "mail.example:\(port)")).target(of: url).port == port)
    }

    @Test func readsTargets() throws {
        let policy = OutgoingPolicy()
        #expect(
            try policy.target(of: #require(URL(string: "https://x.example/a"))) == .init(host: "x.example", port: 443, isEncrypted: true))
        #expect(
            try policy.target(of: #require(URL(string: "HTTP://x.example:8080/")))
                == .init(host: "x.example", port: 8080, isEncrypted: false))
    }

    @Test(arguments: [
        "0x7f.0.0.1", "0x7f000001", "2130706433", "127.1", "0177.0.0.1", "0", "localhost", "LOCALHOST", "localhost.", "[::ffff:127.0.0.1]",
        "[::1]",
    ])
    func otherSpellingsOfThisHostAreJudgedByTheirAddress(host: String) async throws {
        let client = OutgoingClient(policy: OutgoingPolicy())
        do {
            let status = try await client.send(.init(url: "http://\(host):8080/")) { $0.status }
            Issue.record("answered with \(status)")
        } catch is OutgoingPolicy.Refusal {
        } catch let problem as OutgoingProblem {
            // Not every host's name service knows the name with a dot.
            #expect(problem == .unreachable(host: host, reason: "the name leads to no address"))
            #expect(OutgoingClient.addresses(of: host).isEmpty)
        }
    }
}
