import HTTPTypes
import Testing

@testable import CatapultServer

@Suite struct TrustedProxiesTests {
    private func client(_ proxies: String, _ peer: String, _ name: String, _ values: String...) throws -> String? {
        let trusted = try #require(TrustedProxies(proxies))
        let field = try #require(HTTPField.Name(name))
        var headers = HTTPFields()
        for value in values { headers.append(HTTPField(name: field, value: value)) }
        return trusted.client(peer: peer, headers: headers)
    }

    @Test func nobodyIsBelievedUnlessNamed() throws {
        #expect(try client("", "203.0.113.9", "X-Forwarded-For", "1.2.3.4") == "203.0.113.9")
        #expect(try client("10.0.0.0/8", "203.0.113.9", "X-Forwarded-For", "1.2.3.4") == "203.0.113.9")
        #expect(try client("10.0.0.0/8", "10.9.9.9", "X-Forwarded-For", "1.2.3.4") == "1.2.3.4")
    }

    @Test("the way is read from the right, up to the first that is no proxy") func hops() throws {
        #expect(try client("10.0.0.0/8", "10.1.1.1", "X-Forwarded-For", "6.6.6.6, 198.51.100.7, 10.2.2.2") == "198.51.100.7")
        #expect(try client("10.0.0.0/8", "10.1.1.1", "X-Forwarded-For", "6.6.6.6", "198.51.100.7,10.2.2.2") == "198.51.100.7")
        #expect(try client("10.0.0.0/8", "10.1.1.1", "X-Forwarded-For", "10.3.3.3, 10.2.2.2") == "10.3.3.3")
    }

    @Test(
        "what cannot be read ends the way",
        arguments: [
            ("6.6.6.6, nonsense", "10.1.1.1"), ("6.6.6.6, , 10.2.2.2", "10.2.2.2"), ("", "10.1.1.1"), ("1.2.3.4:99999", "10.1.1.1"),
            ("1.2.3.4:80", "1.2.3.4"), ("[2001:db8::1]:80", "2001:db8::1"), ("[2001:db8::1]", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1", "10.1.1.1"), ("2001:db8::1%eth0", "10.1.1.1"), ("1.2.3", "10.1.1.1"), ("unknown", "10.1.1.1"),
            ("_hidden", "10.1.1.1"),
            ("::ffff:1.2.3.4", "1.2.3.4"),
        ])
    func garbage(_ value: String, _ expected: String) throws {
        #expect(try client("10.0.0.0/8", "10.1.1.1", "X-Forwarded-For", value) == expected)
    }

    @Test(
        "Forwarded has elements, pairs and quotes",
        arguments: [
            ("for=198.51.100.7", "198.51.100.7"), ("For=\"[2001:db8:cafe::17]:4711\";proto=https", "2001:db8:cafe::17"),
            ("for=6.6.6.6, for=198.51.100.7;by=10.0.0.1", "198.51.100.7"), ("for=198.51.100.7, for=10.2.2.2", "198.51.100.7"),
            ("proto=https", "10.1.1.1"), ("for=_secret", "10.1.1.1"), ("by=\"a,b;for=6.6.6.6\";for=198.51.100.7", "198.51.100.7"),
            ("for=\"198.51.100.7:80\"", "198.51.100.7"),
        ])
    func forwarded(_ value: String, _ expected: String) throws {
        #expect(try client("10.0.0.0/8", "10.1.1.1", "Forwarded", value) == expected)
    }

    @Test func hopsAreNotCountedWithoutEnd() throws {
        let way = "6.6.6.6, " + Array(repeating: "10.0.0.1", count: 1_000).joined(separator: ",")
        #expect(try client("10.0.0.0/8", "10.1.1.1", "X-Forwarded-For", way) == "10.0.0.1")
    }

    @Test(arguments: [
        ("10.0.0.0/8", "10.255.255.255", true), ("10.0.0.0/8", "11.0.0.0", false), ("10.0.0.0/9", "10.128.0.0", false),
        ("192.0.2.1", "192.0.2.1", true), ("192.0.2.1", "192.0.2.2", false), ("fd00::/8", "fd12::1", true), ("fd00::/8", "fe00::1", false),
        ("::/0", "2001:db8::1", true), ("0.0.0.0/0", "1.2.3.4", true), ("0.0.0.0/0", "2001:db8::1", false),
        ("::1", "::1", true), ("10.0.0.0/8", "::ffff:10.1.1.1", true),
    ])
    func blocks(_ block: String, _ address: String, _ expected: Bool) throws {
        #expect(try #require(AddressRange(block)).contains(try #require(IPAddress(address))) == expected)
    }

    @Test(arguments: ["10.0.0.0/33", "10.0.0.0/", "10.0.0/8", "fd00::/129", "x", "10.0.0.0/8/8", "10.0.0.0/-1", "/8", "::1/+1"])
    func otherTextsAreNoBlocks(_ text: String) { #expect(AddressRange(text) == nil) }
}
