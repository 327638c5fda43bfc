import ArgumentParser
import Catapult
import CatapultAPI

/// `mcp version`.
struct VersionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "version", abstract: "Look after versions of models.",
        subcommands: [
            List.self, Show.self, Files.self, VersionDownload.self, Diff.self, Create.self, Update.self, Promote.self, Demote.self,
            AliasCommand.self, Deprecate.self, Archive.self, Restore.self, VersionMLflow.self, Delete.self,
        ]
    )

    struct List: SessionCommand {
        static let configuration = CommandConfiguration(abstract: "List versions, newest first.")

        @Option(help: ArgumentHelp("Only versions of this model.", valueName: "name")) var model: String?
        @Option(help: ArgumentHelp("Only versions that are deployed in this environment.", valueName: "name")) var environment: String?
        @Option(help: ArgumentHelp("Only this status.", valueName: "status")) var status: VersionStatus?
        @Flag(help: "Only releases.") var releases = false
        @OptionGroup var pages: PageOptions
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            let call = ListVersions(
                page: pages.page, size: pages.limit, modelName: model, environment: environment, isRelease: releases ? true : nil,
                status: status
            )
            try session.output.list(
                await session.connect().send(call),
                empty: "No versions yet. Register one with `mcp model register --name NAME --path PATH --version 1.0`."
            )
        }
    }

    struct Show: SessionCommand {
        static let configuration = CommandConfiguration(abstract: "Show a version.")

        @Argument(help: "MODEL, MODEL:VERSION or id.") var version: String
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws { try session.output.show(await session.connect().version(version)) }
    }

    struct Files: SessionCommand {
        static let configuration = CommandConfiguration(abstract: "List the files of a version and whether each has arrived.")

        @Argument(help: "MODEL, MODEL:VERSION or id.") var version: String
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            let client = try await session.connect()
            let known = try await client.version(version)
            try session.output.list(
                await client.send(ListVersionFiles(versionID: known.id)), empty: "\(known.handle) was registered without a list of files.")
        }
    }

    struct Create: SessionCommand {
        static let configuration = CommandConfiguration(
            abstract: "Register a version without listing files; `model register` lists and uploads them.")

        @Option(help: ArgumentHelp("Name or id of the model.", valueName: "name")) var model: String
        @Option(help: ArgumentHelp("The version, such as 1.0.", valueName: "version")) var version: String
        @Option(name: .customLong("path"), help: ArgumentHelp("Folder of its files, beneath the server's storage root.", valueName: "path"))
        var path: String?
        @Option(help: ArgumentHelp("Number format of the weights.", valueName: "text")) var quantization: String?
        @Option(help: ArgumentHelp("What changed.", valueName: "text")) var notes: String?
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            let call = CreateVersion(modelID: model, version: version, quantization: quantization, releaseNotes: notes, cephPath: path)
            let created = try await session.connect().send(call)
            try session.output.done(created, "created version \(created.handle)")
        }
    }

    struct Update: SessionCommand {
        static let configuration = CommandConfiguration(abstract: "Change a version; its files never change.")

        @Argument(help: "MODEL:VERSION or id.") var version: String
        @Option(help: ArgumentHelp("Mark it as a release, or not: true or false.", valueName: "flag")) var release: Bool?
        @Option(help: ArgumentHelp("active, deprecated or archived.", valueName: "status")) var status: VersionStatus?
        @Option(help: ArgumentHelp("What changed.", valueName: "text")) var notes: String?
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            let client = try await session.connect()
            let id = try await client.version(version).id
            let changed = try await client.send(UpdateVersion(versionID: id, releaseNotes: notes, status: status, isRelease: release))
            try session.output.done(changed, "changed version \(changed.handle)")
        }
    }

    struct Delete: SessionCommand {
        static let configuration = CommandConfiguration(
            abstract: "Delete a version with its builds.", discussion: "Refused while something else refers to it; --dry-run shows what.")

        @Argument(help: "MODEL:VERSION or id.") var version: String
        @OptionGroup var deletion: DeleteOptions
        @OptionGroup var confirmation: ConfirmOptions
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            let client = try await session.connect()
            let known = try await client.send(GetVersion(versionID: version))
            let references = try await client.send(ListVersionReferences(versionID: known.id))
            if deletion.dryRun { return try session.output.plan(references, of: "the version \(known.handle) with its builds") }
            if session.output.isForPeople { session.output.references(references, of: known.handle) }
            try await session.confirm("Delete version \(known.handle) with its builds?", assumeYes: confirmation.yes)
            let call = DeleteVersion(versionID: known.id, force: deletion.force ? true : nil)
            try session.output.gone(await client.send(call), "deleted version \(known.handle)")
        }
    }
}

extension CatapultClient {
    /// The version that a person names by MODEL:VERSION, by its id, or by the model alone (its newest).
    func version(_ text: String) async throws -> Version {
        if let version = try await find(GetVersion(versionID: text)) { return version }
        guard let reference = VersionReference(argument: text) else { throw CatapultError.notFound(.version, text) }
        return try await resolve(reference)
    }
}
