import Foundation
import Synchronization
import Testing

@testable import CatapultCLI

@Suite struct ServerCommandTests {
    private func run(_ line: [String], tool: String?, path: String) async -> (status: ToolStatus, errors: String, became: [[String]]) {
        let stage = Stage(environment: ["PATH": path])
        let became = Mutex<[[String]]>([])
        var surroundings = stage.surroundings
        surroundings.toolPath = tool
        surroundings.become = { program, arguments in became.withLock { $0.append([program] + arguments) } }
        let status = await Tool.run(line, in: surroundings)
        return (status, stage.errors, became.withLock { $0 })
    }

    @Test func theServersProgramGetsEveryWord() async throws {
        try await withTemporaryFolder { url in
            let folder = url.path
            let program = "\(folder)/catapult-server"
            _ = FileManager.default.createFile(atPath: program, contents: nil, attributes: [.posixPermissions: 0o755])
            for (tool, path) in [("\(folder)/mcp", "/nonexistent"), ("/nonexistent/mcp", "/also/nonexistent:\(folder)")] {
                let (status, _, became) = await run(
                    ["server", "backup", "--data-dir", "/d", "--format", "json", "my file"], tool: tool, path: path)
                #expect(status == .success)
                #expect(became == [[program, "backup", "--data-dir", "/d", "--format", "json", "my file"]])
            }
            let (_, _, became) = await run(["server", "restore", "--help"], tool: "\(folder)/mcp", path: "")
            #expect(became == [[program, "restore", "--help"]])
        }
    }

    @Test func aMissingProgramIsSaid() async {
        let (status, errors, became) = await run(["server", "backup"], tool: "/nonexistent/mcp", path: "/also/nonexistent")
        #expect(status == .notFound && became.isEmpty)
        #expect(errors.contains("catapult-server is neither beside this tool nor on the PATH"))
    }
}
