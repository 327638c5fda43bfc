import ArgumentParser
import Catapult
import CatapultAPI

/// `mcp model`.
struct ModelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model", abstract: "Register and look after models.",
        subcommands: [
            ModelRegister.self, ModelImport.self, ModelSync.self, ModelInspect.self, ModelPreprocess.self, List.self, Show.self,
            Create.self, Update.self,
            Delete.self,
        ]
    )

    struct List: SessionCommand {
        static let configuration = CommandConfiguration(abstract: "List models, newest first.")

        @Option(help: ArgumentHelp("Part of the name or repository.", valueName: "text"))
        var search: String?

        @Option(name: .customLong("server-type"), help: ArgumentHelp("Only this server type.", valueName: "type"))
        var serverType: ServerType?

        @Flag(name: .customLong("orphaned"), help: "Also models whose files are gone.")
        var includeOrphaned = false

        @OptionGroup var pages: PageOptions
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            let call = ListModels(
                page: pages.page, size: pages.limit, search: search, serverType: serverType, includeOrphaned: includeOrphaned ? true : nil
            )
            try session.output.list(
                await session.connect().send(call),
                empty: "No models yet. Register one with `mcp model register --name NAME --path PATH --version 1.0`."
            )
        }
    }

    struct Show: SessionCommand {
        static let configuration = CommandConfiguration(abstract: "Show a model.")

        @Argument(help: "Name or id.") var model: String
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws { try session.output.show(await session.connect().send(GetModel(modelID: model))) }
    }

    /// What `create` and `update` can set.
    struct Details: ParsableArguments {
        @Option(
            name: .customLong("storage-path"),
            help: ArgumentHelp("Folder of the model's files, beneath the server's storage root.", valueName: "path"))
        var storagePath: String?
        @Option(help: ArgumentHelp("What the model is for.", valueName: "text")) var description: String?
        @Option(help: ArgumentHelp("Where the model comes from.", valueName: "text")) var repository: String?
        @Option(help: ArgumentHelp("Who made the model.", valueName: "text")) var company: String?
        @Option(name: .customLong("base-model"), help: ArgumentHelp("The model that it was made from.", valueName: "text")) var baseModel:
            String?
        @Option(name: .customLong("parameters"), help: ArgumentHelp("Number of parameters, such as 70B.", valueName: "text"))
        var parameterCount: String?
        @Option(name: .customLong("tag"), help: ArgumentHelp("A word to find it by; may be repeated.", valueName: "word")) var tags:
            [String] = []
        @Option(name: .customLong("server-type"), help: ArgumentHelp("The kind of server that runs it.", valueName: "type")) var serverType:
            ServerType?
        @Option(name: .customLong("requires-gpu"), help: ArgumentHelp("Whether it needs a GPU: true or false.", valueName: "flag"))
        var requiresGPU: Bool?
    }

    struct Create: SessionCommand {
        static let configuration = CommandConfiguration(abstract: "Register a model without files; `register` does it with files.")

        @Option(help: ArgumentHelp("Unique name.", valueName: "name")) var name: String
        @OptionGroup var details: Details
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            let model = try await session.connect().send(
                CreateModel(
                    name: name, storagePath: details.storagePath ?? "models/\(name)", repository: details.repository,
                    company: details.company,
                    baseModel: details.baseModel, parameterCount: details.parameterCount, description: details.description,
                    tags: details.tags.isEmpty ? nil : details.tags, requiresGPU: details.requiresGPU, serverType: details.serverType
                )
            )
            try session.output.done(model, "created model \(model.name)")
        }
    }

    struct Update: SessionCommand {
        static let configuration = CommandConfiguration(abstract: "Change a model; what is not given stays.")

        @Argument(help: "Name or id.") var model: String
        @OptionGroup var details: Details
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            let model = try await session.connect().send(
                UpdateModel(
                    modelID: model, storagePath: details.storagePath, repository: details.repository, company: details.company,
                    baseModel: details.baseModel, parameterCount: details.parameterCount, description: details.description,
                    tags: details.tags.isEmpty ? nil : details.tags, requiresGPU: details.requiresGPU, serverType: details.serverType
                )
            )
            try session.output.done(model, "changed model \(model.name)")
        }
    }

    struct Delete: SessionCommand {
        static let configuration = CommandConfiguration(
            abstract: "Delete a model with its versions and builds; its files stay.",
            discussion: "Refused while something else refers to one of its versions; --dry-run shows what.")

        @Argument(help: "Name or id.") var model: String
        @OptionGroup var deletion: DeleteOptions
        @OptionGroup var confirmation: ConfirmOptions
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            let client = try await session.connect()
            let known = try await client.send(GetModel(modelID: model))
            let references = try await client.send(ListModelReferences(modelID: known.id))
            if deletion.dryRun {
                return try session.output.plan(references, of: "the model \(known.name) with its \(known.versionCount) versions")
            }
            if session.output.isForPeople { session.output.references(references, of: known.name) }
            try await session.confirm("Delete model \(known.name) with its \(known.versionCount) versions?", assumeYes: confirmation.yes)
            let call = DeleteModel(modelID: known.id, force: deletion.force ? true : nil)
            try session.output.gone(await client.send(call), "deleted model \(known.name)")
        }
    }
}
