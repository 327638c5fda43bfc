import Testing

@testable import CatapultAPI

@Suite("Patterns of names") struct GlobPatternTests {
    @Test(arguments: [
        ("staging", "staging"), ("*", ""), ("*", "a/b"), ("org/*", "org/a"), ("org/*", "org/a/b"), ("org/*", "org/"), ("*-dev", "a-dev"),
        ("a*b*c", "abc"), ("a*b*c", "a-b-b-c"), ("a**b", "a-b"), ("**", ""), ("*aab*", "aaab"), ("a*a", "aa"), ("", ""),
    ])
    func match(_ pattern: String, _ name: String) {
        #expect(GlobPattern(pattern).matches(name))
    }

    @Test(arguments: [
        ("staging", "Staging"), ("staging", "staging2"), ("org/*", "org"), ("org/*", "organ/a"), ("*-dev", "dev"), ("a*b*c", "acb"),
        ("a*a", "a"), ("a*b*b", "ab"), ("?", "a"), ("[a]", "a"), ("", "a"),
    ])
    func doNotMatch(_ pattern: String, _ name: String) {
        #expect(!GlobPattern(pattern).matches(name))
    }

    @Test("many wildcards take no more time than few") func time() {
        let pattern = GlobPattern(String(repeating: "a*", count: 200) + "b")
        #expect(!pattern.matches(String(repeating: "a", count: 5_000)))
    }

    @Test("a list that is absent holds everything, an empty one nothing") func scopes() {
        #expect(KeyScope.everything.includes(model: "a") && KeyScope.everything.includes(environment: "a"))
        let none = KeyScope(environments: [], models: ["a", "b*"])
        #expect(!none.includes(environment: "a"))
        #expect(none.includes(model: "a") && none.includes(model: "bc") && !none.includes(model: "c"))
        #expect(KeyScope.everything.isEverything && !none.isEverything)
    }
}
