import CatapultAPI
import Subprocess
import Testing

#if canImport(System)
import System
#else
import SystemPackage
#endif

/// How one run of the executable `mcp` ended.
struct CommandResult: Sendable, CustomStringConvertible {
    let status: TerminationStatus
    let output: String
    let errors: String

    /// Standard output as one JSON value.
    var json: JSONValue { get throws { try JSONParser.parse(output.utf8) } }
    /// The last line of standard error as one JSON value: with `--format json`, that is the error.
    var errorJSON: JSONValue {
        get throws { try JSONParser.parse(try #require(errors.split(separator: "\n").last, "standard error is empty").utf8) }
    }

    var description: String { "\(status)\n\(output)\n\(errors)" }
}

extension TestServer {
    /// Runs `mcp` against this server, with the admin's key file unless another key is given, and expects an exit status.
    ///
    /// - Parameters:
    ///   - line: the arguments, parted by spaces.
    ///   - last: a last argument that may hold spaces.
    @discardableResult
    func mcp(
        _ line: String, _ last: String? = nil, key: String? = nil, exits expected: Int32 = 0,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> CommandResult {
        let environment: [Subprocess.Environment.Key: String?] = [
            "REGISTRY_URL": url, "CATAPULT_KEY_FILE": key == nil ? "\(data)/admin.key" : nil, "REGISTRY_API_KEY": key, "HOME": folder,
            "XDG_CONFIG_HOME": nil,
        ]
        let arguments = line.split(separator: " ").map(String.init) + (last.map { [$0] } ?? [])
        let result = try await Subprocess.run(
            .path(FilePath("\(TestMachine.executables)/mcp")), arguments: Arguments(arguments), environment: .inherit.updating(environment),
            output: .string(limit: 4 << 20), error: .string(limit: 4 << 20))
        let answer = CommandResult(status: result.terminationStatus, output: result.standardOutput, errors: result.standardError)
        #expect(answer.status == .exited(expected), "mcp \(line): \(answer)", sourceLocation: sourceLocation)
        return answer
    }
}
