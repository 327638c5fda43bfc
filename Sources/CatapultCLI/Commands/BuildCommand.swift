import ArgumentParser
import Catapult
import CatapultAPI

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// `mcp build`.
struct BuildCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "build", abstract: "Build container images for versions.",
        subcommands: [Create.self, List.self, Show.self, Cancel.self]
    )

    struct Create: SessionCommand {
        static let configuration = CommandConfiguration(abstract: "Build an image for a version and wait for it.")

        @Option(help: ArgumentHelp("The version; the newest without one.", valueName: "model[:version]")) var version: VersionReference
        @Option(help: ArgumentHelp("Template; by the model's server type when absent.", valueName: "name")) var template: String?
        @Option(name: .customLong("build-arg"), help: ArgumentHelp("A build argument; may be repeated.", valueName: "KEY=VALUE"))
        var buildArguments: [Assignment] = []
        @Option(help: ArgumentHelp("Name of the image, such as team/gpt-model:1.0.", valueName: "image")) var tag: String?
        @Option(help: ArgumentHelp("A Dockerfile of your own instead of a template.", valueName: "path"), completion: .file())
        var dockerfile: String?
        @Flag(name: .customLong("no-cache"), help: "Build every step anew.") var noCache = false
        @Flag(name: .shortAndLong, help: "Show the log as it comes.") var follow = false
        @OptionGroup var wait: WaitOptions
        @OptionGroup var global: GlobalOptions

        func validate() throws {
            if follow, wait.detach { throw ValidationError("--follow and --detach exclude each other") }
        }

        func run(in session: Session) async throws {
            let content = try dockerfile.map { path in
                guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
                    throw Complaint(.notFound, "cannot read \(path)")
                }
                return text
            }
            let client = try await session.connect()
            let version = try await client.resolve(version)
            var build = try await client.send(
                CreateBuild(
                    versionID: version.id, imageTag: tag, buildType: template, dockerfileContent: content,
                    buildArgs: Assignment.dictionary(buildArguments), noCache: noCache ? true : nil
                )
            )
            if follow {
                for try await line in try client.lines(of: StreamBuildLogs(buildID: build.id)) {
                    session.surroundings.errors.line(session.surroundings.errors.isTerminal ? SafeText.block(line) : line)
                }
            }
            if !wait.detach {
                try await session.follow(build.operationID, with: client, timeout: wait.timeout?.duration)
                build = try await client.send(GetBuild(buildID: build.id))
            }
            try session.output.done(
                build, wait.detach ? "building \(build.imageTag): build \(build.id)" : "built \(build.imageTag) (build \(build.id))")
        }
    }

    struct List: SessionCommand {
        static let configuration = CommandConfiguration(abstract: "List builds, newest first.")

        @Option(help: ArgumentHelp("Only builds of this version.", valueName: "model[:version]")) var version: VersionReference?
        @Option(help: ArgumentHelp("Only this status.", valueName: "status")) var status: BuildStatus?
        @OptionGroup var pages: PageOptions
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            let client = try await session.connect()
            var id: String?
            if let version { id = try await client.resolve(version).id }
            try session.output.list(
                await client.send(ListBuilds(page: pages.page, size: pages.limit, versionID: id, status: status)),
                empty: "No builds yet. `mcp deploy` builds what is missing, or use `mcp build create --version MODEL:VERSION`."
            )
        }
    }

    struct Show: SessionCommand {
        static let configuration = CommandConfiguration(abstract: "Show a build.")

        @Argument(help: "Id.") var build: String
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws { try session.output.show(await session.connect().send(GetBuild(buildID: build))) }
    }

    struct Cancel: SessionCommand {
        static let configuration = CommandConfiguration(abstract: "Stop a build.")

        @Argument(help: "Id.") var build: String
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            let build = try await session.connect().send(CancelBuild(buildID: build))
            try session.output.done(build, "build \(build.id) is \(build.status.rawValue)")
        }
    }
}

/// `mcp template`.
struct TemplateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "template", abstract: "Look at build templates.", subcommands: [List.self, Show.self]
    )

    struct List: SessionCommand {
        static let configuration = CommandConfiguration(abstract: "List build templates.")

        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            try session.output.list(await session.connect().send(ListTemplates()), empty: "The server has no templates.")
        }
    }

    struct Show: SessionCommand {
        static let configuration = CommandConfiguration(abstract: "Show a template.")

        @Argument(help: "Name.") var template: String
        @Flag(help: "Show its Dockerfile.") var dockerfile = false
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            let client = try await session.connect()
            if dockerfile {
                let content = try await client.send(GetTemplate(type: template))
                if session.output.format == .json { return try session.output.json(content) }
                return session.output.text(SafeText.block(content.content))
            }
            let templates = try await client.send(ListTemplates())
            guard let known = templates.first(where: { $0.name == template }) else {
                throw CatapultError.notFound(.template, template, candidates: templates.map(\.name))
            }
            try session.output.show(known)
        }
    }
}
