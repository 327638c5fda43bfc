import Catapult
import CatapultAPI
import Foundation
import Testing

extension Integration {
    /// A server whose data directory lies on a small file system of its own.
    @Suite struct FullDisk {
        @Test(
            .enabled(if: TestMachine.isCI || SmallFileSystem.isAllowed, "Only root can mount the small file system that is to be filled."))
        func `a full disk is told with 507, loses nothing, and is over when there is room again`() async throws {
            let disk = try SmallFileSystem(megabytes: 8)
            defer { disk.unmount() }
            try await TestServer.run(data: "\(disk.path)/data") { server in
                let model = try await server.send(CreateModel(name: server.name("model"), storagePath: "m"))
                try disk.fill()
                var acknowledged = [model.id]
                let refused = try await Self.createUntilRefused(server, &acknowledged)
                #expect(refused.status == 507, "\(refused)")
                #expect(try refused.json["code"] == "storage_full")
                #expect(try refused.json["detail"]?.stringValue?.isEmpty == false && refused.json["hint"]?.stringValue?.isEmpty == false)
                #expect(try await server.send(ListModelOptions()).count == acknowledged.count, "reading goes on")
                try await server.mcp(
                    "model create --name \(server.name("m")) --storage-path m --description", String(repeating: "x", count: 9_000), exits: 6
                )

                try disk.makeRoom()
                acknowledged.append(try await server.send(CreateModel(name: server.name("after"), storagePath: "m")).id)
                try await Self.uploadTooMuch(to: model, server)
                try await server.kill()
                try await server.start()
                #expect(try await Set(server.send(ListModelOptions()).map(\.id)) == Set(acknowledged))
            }
        }

        /// The first answer that is not a success, of writes that take ever more room.
        private static func createUntilRefused(_ server: TestServer, _ acknowledged: inout [String]) async throws -> Answer {
            let description = String(repeating: "x", count: 9_000)
            while true {
                let answer = try await server.request(
                    .post, "/api/v1/models",
                    body:
                        #"{"name": "\#(server.name("filler-\(acknowledged.count)"))", "storage_path": "m", "description": "\#(description)"}"#
                )
                guard answer.status == 201, acknowledged.count < 2_000 else { return answer }
                acknowledged.append(try #require(answer.json["id"]?.stringValue))
            }
        }

        /// A file that is larger than the disk: refused, and no part of it stays.
        private static func uploadTooMuch(to model: Model, _ server: TestServer) async throws {
            let size = 16 << 20
            let digest = String(repeating: "0", count: 64)
            let version = try await server.send(
                CreateVersion(
                    modelID: model.id, version: "1.0", files: [VersionFile(path: "a.gguf", sizeBytes: Int64(size), sha256: digest)]))
            let answer = try await server.request(
                .put, "/api/v1/versions/\(version.id)/files/a.gguf", body: String(repeating: "x", count: size))
            #expect(answer.status == 507, "\(answer)")
            #expect(try FileManager.default.subpathsOfDirectory(atPath: "\(server.data)/storage").filter { $0.contains("a.gguf") } == [])
        }
    }
}
