import ArgumentParser
import Catapult
import CatapultAPI

/// `mcp logs`.
struct Logs: SessionCommand {
    static let configuration = CommandConfiguration(abstract: "Read or follow the log of a deployment, a build or an operation.")

    @OptionGroup var target: DeploymentTarget

    @Option(help: ArgumentHelp("A build's id.", valueName: "id"))
    var build: String?

    @Option(help: ArgumentHelp("An operation's id.", valueName: "id"))
    var operation: String?

    @Flag(name: .shortAndLong, help: "Go on as lines come.")
    var follow = false

    @Option(help: ArgumentHelp("Lines to begin with, of a deployment.", valueName: "n"))
    var tail = 100

    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard [target.optionalName, build, operation].compactMap({ $0 }).count == 1 else {
            throw ValidationError("name one of --deployment, --build and --operation")
        }
        guard (1...10_000).contains(tail) else { throw ValidationError("--tail is \(tail); 1 to 10000 are allowed") }
    }

    func run(in session: Session) async throws {
        let client = try await session.connect()
        switch (target.optionalName, build, operation) {
        case (let id?, _, _) where follow: try await session.print(client.lines(of: StreamDeploymentLogs(deploymentID: id, tail: tail)))
        case (_, let id?, _) where follow: try await session.print(client.lines(of: StreamBuildLogs(buildID: id)))
        case (_, _, let id?) where follow: try await session.followLog(ofOperation: id, with: client)
        case (let id?, _, _): try session.show(await client.send(GetDeploymentLogs(deploymentID: id, tail: tail)), \.logs)
        case (_, let id?, _): try session.show(await client.send(GetBuildLogs(buildID: id)), \.logs)
        case (_, _, let id?): try session.show(await client.send(GetOperationLogs(operationID: id)), \.logs)
        default: break
        }
    }
}

extension Session {
    /// Shows a log that was read as a whole.
    fileprivate func show<Log: Codable>(_ log: Log, _ text: KeyPath<Log, String>) throws {
        if output.format == .json { return try output.json(log) }
        write(log[keyPath: text])
    }

    /// Writes lines as they come; with `--format json` each as one object.
    func print(_ lines: LineStream) async throws {
        for try await line in lines { printLine(line) }
    }

    private func printLine(_ line: String) {
        if output.format == .json { return output.line(JSONValue.object(["line": .string(line)]).jsonText) }
        output.line(surroundings.output.isTerminal ? SafeText.block(line) : line)
    }

    private func write(_ text: String) {
        guard !text.isEmpty else { return output.note("the log is empty") }
        let shown = surroundings.output.isTerminal ? SafeText.block(text) : text
        output.text(shown.hasSuffix("\n") ? shown : shown + "\n")
    }

    /// Writes the log of an operation as it grows. The server has no stream for it; each change of the operation is the moment to look.
    fileprivate func followLog(ofOperation id: String, with client: CatapultClient) async throws {
        var shown = 0
        func catchUp(isEnd: Bool) async throws {
            let log = try await client.send(GetOperationLogs(operationID: id)).logs
            let lines = log.split(separator: "\n", omittingEmptySubsequences: false)
            // What follows the last line feed is a line only once nothing more can come.
            let complete = isEnd && lines.last?.isEmpty == false ? lines[...] : lines.dropLast()
            complete.dropFirst(shown).forEach { printLine(String($0)) }
            shown = max(shown, complete.count)
        }
        do {
            try await client.waitForOperation(id) { _ in try await catchUp(isEnd: false) }
        } catch let end as OperationFailure {
            try await catchUp(isEnd: true)
            throw end
        }
        try await catchUp(isEnd: true)
    }
}
