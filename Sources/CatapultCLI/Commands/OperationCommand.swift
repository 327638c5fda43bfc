import ArgumentParser
import Catapult
import CatapultAPI

/// `mcp operation`.
struct OperationCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "operation", abstract: "Look after operations: durable work such as builds and deploys.",
        subcommands: [List.self, Show.self, Follow.self, Cancel.self]
    )

    struct List: SessionCommand {
        static let configuration = CommandConfiguration(abstract: "List operations, newest first.")

        @Option(help: ArgumentHelp("Only this kind.", valueName: "kind")) var kind: OperationKind?
        @Option(help: ArgumentHelp("Only this state.", valueName: "state")) var state: OperationState?
        @OptionGroup var pages: PageOptions
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            try session.output.list(
                await session.connect().send(ListOperations(page: pages.page, size: pages.limit, kind: kind, state: state)),
                empty: "No operations. Builds and deploys make them."
            )
        }
    }

    struct Show: SessionCommand {
        static let configuration = CommandConfiguration(abstract: "Show an operation.")

        @Argument(help: "Id.") var operation: String
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            try session.output.show(await session.connect().send(GetOperation(operationID: operation)))
        }
    }

    struct Follow: SessionCommand {
        static let configuration = CommandConfiguration(abstract: "Wait for an operation with its progress.")

        @Argument(help: "Id.") var operation: String
        @Option(help: ArgumentHelp("Stop waiting after this time.", valueName: "duration")) var timeout: TimeSpan?
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            let ended = try await session.follow(operation, with: session.connect(), timeout: timeout?.duration)
            try session.output.done(ended, "\(ended.kind.rawValue) \(ended.state.rawValue): \(SafeText.line(ended.message))")
        }
    }

    struct Cancel: SessionCommand {
        static let configuration = CommandConfiguration(abstract: "Ask an operation to stop.")

        @Argument(help: "Id.") var operation: String
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            let operation = try await session.connect().send(CancelOperation(operationID: operation))
            let how = operation.state.isTerminal ? "is \(operation.state.rawValue)" : "was asked to stop"
            try session.output.done(operation, "operation \(operation.id) \(how)")
        }
    }
}
