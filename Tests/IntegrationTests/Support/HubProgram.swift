import Foundation
import Subprocess
import Testing

#if canImport(System)
import System
#else
import SystemPackage
#endif

/// A hub that runs as a program of its own and holds one repository, `acme/tiny` (`Tests/Faults/hub.py`).
struct HubProgram: Sendable {
    static let commit = "0123456789abcdef0123456789abcdef01234567"
    /// Size of the parts in which the server fetches large files.
    static let partSize = 32 << 20

    let url: String
    private let folder: String

    /// Runs a hub with a small file and weights of three parts, as long as `body` runs.
    static func run<Result: Sendable>(_ body: @escaping @Sendable (HubProgram) async throws -> Result) async throws -> Result {
        let folder = FileManager.default.temporaryDirectory.appending(path: "catapult-hub-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FileManager.default.createDirectory(atPath: "\(folder)/files", withIntermediateDirectories: true)
        try Data(#"{"model_type":"llama","architectures":["LlamaForCausalLM"]}"#.utf8).write(
            to: URL(filePath: "\(folder)/files/config.json"))
        try weights.write(to: URL(filePath: "\(folder)/files/model.safetensors"))
        let arguments = ["\(TestMachine.tests)/Faults/hub.py", "\(folder)/files", "\(folder)/hold", "\(folder)/asked"]
        return try await Subprocess.run(
            .name("python3"), arguments: Arguments(arguments), environment: .inherit.updating(["PYTHONDONTWRITEBYTECODE": "1"]),
            input: .none, output: .sequence, error: .discarded
        ) { execution in
            defer { try? execution.send(signal: .kill) }
            for try await line in execution.standardOutput.strings() {
                let port = try #require(Int(line.trimmingCharacters(in: .whitespacesAndNewlines)))
                return try await body(HubProgram(url: "http://127.0.0.1:\(port)", folder: folder))
            }
            throw CancellationError()
        }.closureResult
    }

    /// A safetensors file of three parts.
    private static var weights: Data {
        let size = 2 * partSize + 1_000
        let header = Data(#"{"w":{"dtype":"U8","shape":[\#(size)],"data_offsets":[0,\#(size)]}}"#.utf8)
        var data = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Data($0) } + header
        let end = data.count + size
        while data.count < end { data.append(block(at: data.count).prefix(end - data.count)) }
        return data
    }

    /// Blocks that differ, so that a part in the wrong place is noticed.
    private static func block(at position: Int) -> Data {
        withUnsafeBytes(of: position) { Data($0) } + Data(repeating: UInt8(truncatingIfNeeded: position / 4_096), count: 4_088)
    }

    /// From now on only first parts are answered.
    func hold() throws { try Data().write(to: URL(filePath: "\(folder)/hold")) }

    /// All is answered again.
    func release() throws { try FileManager.default.removeItem(atPath: "\(folder)/hold") }

    /// Where the parts of the weights began that were asked for so far, in order.
    var asked: [Int] {
        let lines = (try? String(contentsOfFile: "\(folder)/asked", encoding: .utf8)) ?? ""
        return lines.split(separator: "\n").filter { $0.hasPrefix("model.safetensors ") }.compactMap { Int($0.split(separator: " ")[1]) }
    }

    /// The bytes of a file.
    func file(_ name: String) throws -> Data { try Data(contentsOf: URL(filePath: "\(folder)/files/\(name)")) }
}
