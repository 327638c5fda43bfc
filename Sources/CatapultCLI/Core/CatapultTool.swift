import ArgumentParser
import CatapultAPI

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The root command.
struct CatapultTool: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: name,
            abstract: "Catapult: AI models from files to running endpoints.",
            discussion: """
                The main job:
                  \(name) model register --name gpt-model --path ./model-artifacts --version 1.0
                  \(name) deploy --model gpt-model:1.0 --environment production --replicas 3
                  \(name) chat --deployment gpt-model-production "Hello"

                The server is named by --url, --context, REGISTRY_URL or `\(name) context use`; the key by --key-file, \
                REGISTRY_API_KEY, CATAPULT_KEY_FILE or the context.

                Exit codes: `\(name) help exit-codes`. Completion: `\(name) --generate-completion-script bash` (or zsh, fish).
                """,
            version: "Catapult \(CatapultVersion.current)",
            groupedSubcommands: [
                CommandGroup(
                    name: "Serve a model",
                    subcommands: [
                        Deploy.self, Status.self, Scale.self, Stop.self, Start.self, Restart.self, Logs.self, Chat.self, Open.self,
                        BenchmarkCommand.self,
                    ]
                ),
                CommandGroup(
                    name: "Look after things",
                    subcommands: [
                        SearchCommand.self, ModelCommand.self, VersionCommand.self, ArtifactCommand.self, UploadCommand.self,
                        LineageCommand.self, DependencyCommand.self, EnvironmentCommand.self, BuildCommand.self, TemplateCommand.self,
                        DeploymentCommand.self,
                        OperationCommand.self,
                    ]
                ),
                CommandGroup(
                    name: "Look after the server",
                    subcommands: [
                        SystemCommand.self, ServerCommand.self, KeyCommand.self, AuditCommand.self, ContextCommand.self, ExitCodes.self,
                    ]
                ),
            ]
        )
    }

    /// The tool is installed under two names, since another `mcp` may be on the PATH; help and completion speak of the one that was called.
    private static let name = CommandLine.arguments.first?.split(separator: "/").last == "catapult" ? "catapult" : "mcp"
}

/// `mcp help exit-codes`.
struct ExitCodes: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "exit-codes", abstract: "Explain the exit codes.", discussion: ToolStatus.help)

    func run() throws { Surroundings.current.output.line(ToolStatus.help) }
}
