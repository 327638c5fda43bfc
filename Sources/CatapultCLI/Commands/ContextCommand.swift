import ArgumentParser
import Catapult
import CatapultAPI

/// `mcp context`.
struct ContextCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "context", abstract: "Keep the addresses and keys of several servers.",
        subcommands: [Add.self, Use.self, List.self, Remove.self]
    )

    struct Add: SessionCommand {
        static let configuration = CommandConfiguration(
            abstract: "Add a server, or replace one.",
            discussion: """
                The address is --url. The key is read from --key-file, or from standard input with `--key-file -`; never give it as an argument, \
                where other users of the machine can see it. The first context becomes the current one.
                """
        )

        @Argument(help: "Name of the context.") var name: String
        @Flag(help: "Make it the current one.") var use = false
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            guard let url = global.url else {
                throw Complaint(.usage, "--url is missing", hint: "Write `mcp context add \(name) --url URL --key-file PATH`.")
            }
            let key: String?
            if global.keyFile == "-", session.surroundings.input.isTerminal {
                session.surroundings.errors.write("API key: ")
                let typed = await session.surroundings.input.readLine(true)
                session.surroundings.errors.line("")
                key = typed.flatMap { $0.isEmpty ? nil : $0 }
            } else {
                key = try await ConnectionChoice(url: .standard, keySource: global.keyFile.map { .file($0) } ?? .none).key(
                    input: session.surroundings.input)
            }
            let root = try ServerURL(url).root
            let file = ContextFile(session.surroundings.environment)
            var contexts = try file.read()
            contexts.contexts[name] = Contexts.Entry(url: root, key: key)
            if use || contexts.current == nil { contexts.current = name }
            try file.write(contexts)
            session.output.note(
                "context \(name) is \(root)\(key == nil ? ", without a key" : "")\(contexts.current == name ? "; it is the current one" : "")"
            )
        }
    }

    struct Use: SessionCommand {
        static let configuration = CommandConfiguration(abstract: "Make a context the current one.")

        @Argument(help: "Name of the context.") var name: String
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            let file = ContextFile(session.surroundings.environment)
            var contexts = try file.read()
            _ = try contexts.named(name)
            contexts.current = name
            try file.write(contexts)
            session.output.note("the current context is \(name)")
        }
    }

    struct List: SessionCommand {
        static let configuration = CommandConfiguration(abstract: "List contexts, without their keys.")

        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            let contexts = try ContextFile(session.surroundings.environment).read()
            let entries = contexts.contexts.sorted { $0.key < $1.key }
            if session.output.format == .json {
                return session.output.json(
                    .array(
                        entries.map {
                            [
                                "name": .string($0.key), "url": .string($0.value.url), "has_key": .bool($0.value.key != nil),
                                "current": .bool($0.key == contexts.current),
                            ]
                        })
                )
            }
            if session.output.isQuiet { return entries.forEach { session.output.line($0.key) } }
            guard !entries.isEmpty else {
                return session.output.note("No contexts yet. Add one with `mcp context add NAME --url URL --key-file PATH`.")
            }
            session.output.table(
                Table(
                    columns: [.init(title: "CURRENT"), .init(title: "NAME"), .init(title: "URL"), .init(title: "KEY")],
                    rows: entries.map {
                        [.init($0.key == contexts.current ? "*" : ""), .init($0.key), .init($0.value.url), .yes($0.value.key != nil)]
                    }
                )
            )
        }
    }

    struct Remove: SessionCommand {
        static let configuration = CommandConfiguration(abstract: "Forget a context and its key.")

        @Argument(help: "Name of the context.") var name: String
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            let file = ContextFile(session.surroundings.environment)
            var contexts = try file.read()
            _ = try contexts.named(name)
            contexts.contexts[name] = nil
            if contexts.current == name { contexts.current = nil }
            try file.write(contexts)
            session.output.note("context \(name) is forgotten")
        }
    }
}
