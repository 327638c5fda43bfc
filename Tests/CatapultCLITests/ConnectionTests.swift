import Catapult
import Foundation
import Testing

@testable import CatapultCLI

@Suite struct ConnectionChoiceTests {
    private let contexts = Contexts(
        current: "one", contexts: ["one": .init(url: "http://one:1", key: "key-one"), "two": .init(url: "http://two:2", key: "key-two")])

    private func choose(_ arguments: [String] = [], _ environment: [String: String] = [:]) throws -> [String] {
        let choice = try ConnectionChoice.choose(options: GlobalOptions.parse(arguments), environment: environment) { contexts }
        return [choice.url.root, "\(choice.keySource)"]
    }

    @Test func nothingGivenMeansTheCurrentContext() throws { #expect(try choose() == ["http://one:1", "value(\"key-one\")"]) }

    @Test func aNamedContextWinsOverTheEnvironment() throws {
        #expect(
            try choose(["--context", "two"], ["REGISTRY_URL": "http://env", "REGISTRY_API_KEY": "k"]) == [
                "http://two:2", "value(\"key-two\")",
            ])
    }

    @Test func theEnvironmentWinsOverTheCurrentContext() throws {
        #expect(try choose([], ["REGISTRY_URL": "http://env/api", "REGISTRY_API_KEY": "k"]) == ["http://env", "value(\"k\")"])
        #expect(try choose([], ["CATAPULT_KEY_FILE": "/k"]) == ["http://one:1", "file(\"/k\")"])
    }

    @Test func aKeyNeverGoesToAnotherServer() throws {
        #expect(try choose([], ["REGISTRY_URL": "http://env"]) == ["http://env", "none"])
        #expect(try choose(["--url", "http://other"]) == ["http://other", "none"])
        #expect(try choose(["--url", "http://two:2", "--context", "two"]) == ["http://two:2", "value(\"key-two\")"])
    }

    @Test func emptyVariablesCountAsAbsent() throws {
        #expect(try choose([], ["REGISTRY_URL": "", "REGISTRY_API_KEY": ""]) == ["http://one:1", "value(\"key-one\")"])
    }

    @Test func anUnknownContextNamesThoseThatThereAre() {
        let error = #expect(throws: Complaint.self) { try choose(["--context", "three"]) }
        #expect(error == Complaint(.usage, "there is no context three", hint: "There are: one, two."))
    }

    @Test func contextsAreNotReadWhereTheyCannotMatter() throws {
        struct Read: Error {}
        let environment = ["REGISTRY_URL": "http://env", "REGISTRY_API_KEY": "k"]
        _ = try ConnectionChoice.choose(options: GlobalOptions.parse([]), environment: environment) { throw Read() }
    }

    @Test func aKeyFileHoldsOneKey() async throws {
        try await withTemporaryFolder { folder in
            try folder.add("good", " abc.def\n")
            try folder.add("bad", "two words\n")
            let input = Stage(input: "from.stdin\n").surroundings.input
            func key(_ path: String) async throws -> String? {
                try await ConnectionChoice(url: .standard, keySource: .file(path)).key(input: input)
            }
            #expect(try await key(folder.appending(path: "good").path) == "abc.def")
            #expect(try await key("-") == "from.stdin")
            let error = await #expect(throws: Complaint.self) { try await key(folder.appending(path: "bad").path) }
            #expect(error?.status == .usage)
            #expect(error?.message.contains("two words") == false)
        }
    }
}

@Suite struct ContextCommandTests {
    @Test func contextsAreKeptForTheirOwnerOnly() async throws {
        try await withTemporaryFolder { folder in
            try folder.add("key", "abc.def\n")
            let environment = ["XDG_CONFIG_HOME": folder.path]
            let keyFile = folder.appending(path: "key").path
            #expect(
                await Stage(environment: environment).run("context", "add", "one", "--url", "http://one/api", "--key-file", keyFile)
                    == .success)
            let adding = Stage(environment: environment, input: "other.key")
            #expect(await adding.run("context", "add", "two", "--url", "http://two", "--key-file", "-") == .success)
            #expect(!adding.errors.contains("other.key"))

            let file = folder.appending(path: "catapult/contexts.yml").path
            let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
            #expect(mode == 0o600)
            let read = try ContextFile(environment).read()
            #expect(
                read
                    == Contexts(
                        current: "one",
                        contexts: ["one": .init(url: "http://one", key: "abc.def"), "two": .init(url: "http://two", key: "other.key")]))

            let list = Stage(environment: environment)
            #expect(await list.run("context", "list") == .success)
            #expect(list.output == "CURRENT  NAME  URL         KEY\n*        one   http://one  yes\n         two   http://two  yes\n")

            #expect(await Stage(environment: environment).run("context", "use", "two") == .success)
            #expect(await Stage(environment: environment).run("context", "remove", "two") == .success)
            #expect(
                try ContextFile(environment).read() == Contexts(current: nil, contexts: ["one": .init(url: "http://one", key: "abc.def")]))
            #expect(await Stage(environment: environment).run("context", "use", "two") == .usage)
        }
    }

    @Test func aFileThatIsNoListOfContextsIsNamed() async throws {
        try await withTemporaryFolder { folder in
            try folder.add("catapult/contexts.yml", "- nonsense")
            let stage = Stage(environment: ["XDG_CONFIG_HOME": folder.path])
            #expect(await stage.run("model", "list") == .usage)
            #expect(stage.errors.contains("contexts.yml is no list of contexts"))
        }
    }
}
