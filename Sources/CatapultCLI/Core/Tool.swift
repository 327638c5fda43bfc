import ArgumentParser
import CatapultAPI

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The command line tool.
public enum Tool {
    /// Runs the command line of this process, and ends the process with the command's exit status.
    public static func main() async -> Never {
        let status = await Interrupts.heeding { await run(Array(CommandLine.arguments.dropFirst()), in: .process) }
        exit(status.rawValue)
    }

    /// Runs one command line. Results go to the surroundings' output, everything else to their errors.
    static func run(_ arguments: [String], in surroundings: Surroundings) async -> ToolStatus {
        await Surroundings.$current.withValue(surroundings) {
            do {
                try await execute(arguments)
                return .success
            } catch let end as QuietEnd {
                return end.status
            } catch {
                return report(error, arguments: arguments, in: surroundings)
            }
        }
    }

    private static func execute(_ arguments: [String]) async throws {
        var command = try CatapultTool.parseAsRoot(arguments)
        if var asynchronous = command as? any AsyncParsableCommand {
            try await asynchronous.run()
        } else {
            try command.run()
        }
    }

    private static func report(_ error: any Error, arguments: [String], in surroundings: Surroundings) -> ToolStatus {
        let complaint: Complaint
        if isFromParser(error) {
            let text = CatapultTool.fullMessage(for: error)
            guard CatapultTool.exitCode(for: error) != .success else {
                surroundings.output.line(text)
                return .success
            }
            let see = text.split(separator: "\n").last { $0.contains("See '") }.map { $0.drop { $0 == " " } }
            let hint = CommandSuggestion.hint(for: arguments) ?? see.map(String.init)
            complaint = Complaint(.usage, CatapultTool.message(for: error), hint: hint)
        } else {
            complaint = Complaint(error)
        }
        if asksForJSON(arguments) {
            surroundings.errors.line(complaint.json.jsonText)
        } else {
            let style = Style(
                isTerminal: surroundings.errors.isTerminal, environment: surroundings.environment, noColor: arguments.contains("--no-color")
            )
            complaint.lines(style).forEach(surroundings.errors.line)
        }
        return complaint.status
    }

    /// True for what the argument parser throws: help, version, completion script, or a command line that it cannot understand.
    private static func isFromParser(_ error: any Error) -> Bool {
        if error is CleanExit || error is ExitCode { return true }
        // The parser's own error types are internal to it; they are told by their names.
        let name = String(describing: type(of: error))
        return name == "CommandError" || name == "ParserError"
    }

    /// The options of a command line that could not be parsed are not known; so the words are looked at.
    private static func asksForJSON(_ arguments: [String]) -> Bool {
        arguments.contains("--format=json") || zip(arguments, arguments.dropFirst()).contains { $0 == "--format" && $1 == "json" }
    }
}
