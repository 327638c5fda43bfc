import ArgumentParser
import Catapult
import CatapultAPI

/// One run of one command: what the person asked for, and the world around it.
struct Session: Sendable {
    let options: GlobalOptions
    let surroundings: Surroundings
    /// How results are written.
    let output: Output

    init(options: GlobalOptions, surroundings: Surroundings = .current) {
        self.options = options
        self.surroundings = surroundings
        output = Output(options: options, surroundings: surroundings)
    }

    /// The server that the options, the environment and the contexts choose.
    func connection() throws -> ConnectionChoice {
        try ConnectionChoice.choose(
            options: options, environment: surroundings.environment, contexts: { try ContextFile(surroundings.environment).read() })
    }

    /// A client of that server.
    func connect() async throws -> CatapultClient {
        let choice = try connection()
        var options = CatapultClient.Options()
        options.face = .cli
        options.retry.attempts = 3
        return try CatapultClient(url: choice.url, apiKey: await choice.key(input: surroundings.input), options: options)
    }

    /// Asks a person to confirm something that cannot be undone. Where nobody can be asked, the command line is taken at its word.
    func confirm(_ question: String, assumeYes: Bool) async throws {
        guard !assumeYes, surroundings.input.isTerminal, surroundings.errors.isTerminal else { return }
        surroundings.errors.write("\(question) [y/N] ")
        let answer = await surroundings.input.readLine(false)?.lowercased() ?? ""
        guard answer == "y" || answer == "yes" else { throw Complaint(.failure, "nothing was changed") }
    }
}

/// A command that runs in a session.
protocol SessionCommand: AsyncParsableCommand {
    /// The forms in which the command can write its result.
    static var formats: [OutputFormat] { get }
    var global: GlobalOptions { get }
    func run(in session: Session) async throws
}

extension SessionCommand {
    static var formats: [OutputFormat] { [.table, .json] }

    func run() async throws {
        guard Self.formats.contains(global.format) else {
            let names = Self.formats.map(\.rawValue).joined(separator: ", ")
            throw Complaint(.usage, "--format is \(global.format.rawValue); here \(names) are allowed")
        }
        try await run(in: Session(options: global))
    }
}

/// The end of a command that has said everything: no error, only an exit status.
struct QuietEnd: Error, Equatable {
    var status: ToolStatus
}
