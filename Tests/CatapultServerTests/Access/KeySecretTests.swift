import Testing

@testable import CatapultServer

@Suite struct KeySecretTests {
    @Test func randomKeysHaveTheContractsForm() throws {
        let key = KeySecret.random()
        #expect(key.text.wholeMatch(of: /[0-9a-f]{8}\.[A-Za-z0-9_-]{43}/) != nil)
        let parsed = try #require(KeySecret(parsing: key.text))
        #expect(parsed.text == key.text)
        #expect(KeySecret.random().text != key.text)
    }

    @Test(arguments: [
        "", "short.key", "nodotinthiskey", ".secretsecret", "prefixprefix.", "prefix.sec ret1", "prefix.sécret1",
        String(repeating: "a", count: 100) + "." + String(repeating: "b", count: 100),
    ])
    func refusesWhatIsNoKey(_ text: String) {
        #expect(KeySecret(parsing: text) == nil)
    }

    @Test func splitsAtTheFirstDot() throws {
        let key = try #require(KeySecret(parsing: "admin.a.b.c.d"))
        #expect(key.prefix == "admin")
        #expect(key.secret == "a.b.c.d")
    }

    @Test func hashesDependOnSaltAndOnTheWholeKey() throws {
        let one = try #require(KeySecret(parsing: "admin.secret1"))
        let two = try #require(KeySecret(parsing: "admin.secret2"))
        #expect(one.hash(salt: "a") != one.hash(salt: "b"))
        #expect(one.hash(salt: "a") != two.hash(salt: "a"))
        // echo -n 'a.admin.secret1' | sha256sum
        #expect(one.hash(salt: "a").count == 64)
        #expect(!one.hash(salt: "a").contains("secret"))
    }

    @Test func comparesAllBytes() {
        #expect(KeySecret.constantTimeEquals("abc", "abc"))
        #expect(!KeySecret.constantTimeEquals("abc", "abd"))
        #expect(!KeySecret.constantTimeEquals("abc", "ab"))
    }
}
