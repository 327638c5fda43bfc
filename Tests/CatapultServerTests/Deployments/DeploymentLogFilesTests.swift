import CatapultAPI
import Foundation
import NIOConcurrencyHelpers
import Testing

@testable import CatapultServer

@Suite("Logs of deployments") struct DeploymentLogFilesTests {
    private func with(limit: Int = 1 << 20, _ body: (DeploymentLogFiles, String) async throws -> Void) async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "catapult-deployment-logs-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try await body(try DeploymentLogFiles(directory: directory, fileLimit: limit), directory)
    }

    private func line(_ text: String, at second: Int = 0, number: Int = 0, replica: String = "0000-aaaabbbb") -> ReplicaLogLine {
        ReplicaLogLine(time: Timestamp(microseconds: Int64(second) * 1_000_000), number: number, replicaID: replica, text: text)
    }

    @Test func `lines are read back as they were, with numbers where there are several`() async throws {
        try await with { logs, _ in
            logs.append(line("one two  three", at: 1), to: "d")
            logs.append(line("", at: 2, number: 1, replica: "0000-ccccdddd"), to: "d")
            logs.append(line("cut\r\nshort\0", at: 3), to: "d")
            #expect(
                logs.tail("d", lines: 10, numbered: false).lines == [
                    "1970-01-01T00:00:01.000000Z one two  three", "1970-01-01T00:00:02.000000Z ", "1970-01-01T00:00:03.000000Z cutshort",
                ])
            #expect(
                logs.tail("d", lines: 2, numbered: true).lines == [
                    "1970-01-01T00:00:02.000000Z [1] ", "1970-01-01T00:00:03.000000Z [0] cutshort",
                ])
            #expect(logs.tail("d", lines: 2, numbered: true).isTruncated)
            #expect(!logs.tail("d", lines: 3, numbered: true).isTruncated)
            #expect(logs.tail("none", lines: 3, numbered: true).lines.isEmpty)
        }
    }

    @Test func `the end of each replica is known, also to the next server`() async throws {
        try await with { logs, directory in
            logs.append(line("a", at: 5), to: "d")
            logs.append(line("b", at: 5), to: "d")
            logs.append(line("c", at: 4, number: 1, replica: "0000-ccccdddd"), to: "d")
            for logs in [logs, try DeploymentLogFiles(directory: directory)] {
                #expect(logs.end(of: "x-aaaabbbb", in: "d")?.time == Timestamp(microseconds: 5_000_000))
                #expect(logs.end(of: "x-aaaabbbb", in: "d")?.lines == 2)
                #expect(logs.end(of: "x-ccccdddd", in: "d")?.lines == 1)
                #expect(logs.end(of: "x-eeeeffff", in: "d") == nil)
            }
            logs.append(line("later", at: 9), to: "d")
            #expect(logs.end(of: "x-aaaabbbb", in: "d")?.time == Timestamp(microseconds: 9_000_000))
        }
    }

    @Test func `the space is bounded and the newest lines are kept`() async throws {
        try await with(limit: 2_000) { logs, directory in
            for number in 0..<500 { logs.append(line("line \(number)"), to: "d") }
            let sizes = try FileManager.default.contentsOfDirectory(atPath: directory).map {
                try FileManager.default.attributesOfItem(atPath: "\(directory)/\($0)")[.size] as? Int ?? 0
            }
            #expect(sizes.count == 2)
            #expect(sizes.reduce(0, +) < 5_000)
            let tail = logs.tail("d", lines: 40, numbered: false)
            #expect(tail.lines.count == 40)
            #expect(tail.lines.last?.hasSuffix("line 499") == true)
            #expect(tail.lines.first?.hasSuffix("line 460") == true)
            logs.remove("d")
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory).isEmpty)
        }
    }

    @Test func `a reader gets the last lines, then every further one, over the change of files too`() async throws {
        try await with(limit: 2_000) { logs, _ in
            for number in 0..<5 { logs.append(line("line \(number)"), to: "d") }
            let seen = NIOLockedValueBox<[String]>([])
            let (firsts, first) = AsyncStream.makeStream(of: Void.self)
            let isOver = NIOLockedValueBox(false)
            let reader = Task {
                try await logs.follow("d", tail: 2, numbered: false) {
                    isOver.withLockedValue { $0 }
                } idle: {
                } send: { lines in
                    seen.withLockedValue { $0 += lines.compactMap { $0.split(separator: " ").last.map(String.init) } }
                    first.yield()
                }
            }
            for await _ in firsts { break }
            // One at a time, so that the reader is never two files behind: what is replaced unread is lost by design.
            for number in 5..<120 {
                logs.append(line("line \(number)"), to: "d")
                for await _ in firsts where seen.withLockedValue({ $0.last == "\(number)" }) { break }
            }
            isOver.withLockedValue { $0 = true }
            logs.append(line("line 120"), to: "d")
            try await reader.value
            #expect(seen.withLockedValue { $0 } == (3...120).map(String.init))
        }
    }

    @Test func `a line of the file that is not ours is shown as it is`() {
        #expect(ReplicaLogLine(stored: "nonsense") == nil)
        #expect(ReplicaLogLine(stored: "1970-01-01T00:00:01.000000Z x/y text") == nil)
        #expect(ReplicaLogLine(stored: "1970-01-01T00:00:01.000000Z 3/abcdefgh text of it")?.text == "text of it")
    }
}

@Suite("Id of a data directory") struct InstanceIDTests {
    @Test func `it is made once and stays`() throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "catapult-instance-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let id = try InstanceID.load(dataDirectory: directory)
        #expect(Identifier.isUUID(id))
        #expect(try InstanceID.load(dataDirectory: directory) == id)
        try "broken".write(toFile: "\(directory)/instance", atomically: true, encoding: .utf8)
        #expect(throws: StartupError.self) { try InstanceID.load(dataDirectory: directory) }
    }
}
