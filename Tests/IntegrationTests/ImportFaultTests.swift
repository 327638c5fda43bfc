import Catapult
import CatapultAPI
import Foundation
import Testing

extension Integration {
    /// The server's end, and that of its disk, in the middle of an import and of a sync.
    @Suite struct ImportFaults {
        private static let call = ImportModel(source: .hub, repository: "acme/tiny")

        @Test func `an import that was cut off by SIGKILL goes on with what had arrived`() async throws {
            try await HubProgram.run { hub in
                try await TestServer.run(environment: ["HF_ENDPOINT": hub.url, "HF_TOKEN": ""]) { server in
                    try hub.hold()
                    let asked = try await server.send(Self.call)
                    try await Self.firstPart(of: asked.id, server)
                    try await server.kill()
                    try hub.release()
                    let before = hub.asked.count

                    try await server.start()
                    let ended = try await server.client.waitForOperation(asked.id)
                    #expect(ended.attempts == 2)
                    #expect(!hub.asked[before...].contains(0), "the first part was kept")
                    try await Self.expectWhole(hub, server)
                    #expect(try await server.send(ListModels()).total == 1)
                    #expect(
                        try FileManager.default.contentsOfDirectory(atPath: "\(server.storage)/.catapult/imports").isEmpty,
                        "nothing half is left")
                    try await server.expectConsistentDatabase()
                }
            }
        }

        @Test func `an import killed as soon as it is acknowledged is done after the restart`() async throws {
            try await HubProgram.run { hub in
                try await TestServer.run(environment: ["HF_ENDPOINT": hub.url, "HF_TOKEN": ""]) { server in
                    let asked = try await server.send(Self.call)
                    try await server.kill()
                    try await server.start()
                    try await server.client.waitForOperation(asked.id)
                    try await Self.expectWhole(hub, server)
                    let again = try await server.send(Self.call)
                    #expect(try await server.client.waitForOperation(again.id).result?["is_new"] == false)
                }
            }
        }

        @Test(
            .enabled(if: TestMachine.isCI || SmallFileSystem.isAllowed, "Only root can mount the small file system that is to be filled."))
        func `a disk that fills during an import is told with 507, and what had arrived is used afterwards`() async throws {
            let disk = try SmallFileSystem(megabytes: 200)
            defer { disk.unmount() }
            try await HubProgram.run { hub in
                let options = ["--storage-root", "\(disk.path)/storage"]
                try await TestServer.run(options: options, environment: ["HF_ENDPOINT": hub.url, "HF_TOKEN": ""]) { server in
                    try hub.hold()
                    let asked = try await server.send(Self.call)
                    try await Self.firstPart(of: asked.id, server, storage: "\(disk.path)/storage")
                    try disk.fill()
                    try hub.release()
                    let failed = try await eventually("the import ends") {
                        try await server.send(GetOperation(operationID: asked.id, wait: 10))
                    } until: {
                        $0.state.isTerminal
                    }
                    #expect(failed.error?["code"] == "storage_full", "\(failed)")
                    #expect(try await server.send(ListModels()).total == 0)

                    try disk.makeRoom()
                    let before = hub.asked.count
                    let again = try await server.send(Self.call)
                    try await server.client.waitForOperation(again.id)
                    #expect(!hub.asked[before...].contains(0), "the first part was kept")
                    try await Self.expectWhole(hub, server, storage: "\(disk.path)/storage")
                }
            }
        }

        @Test func `a sync that was cut off by SIGKILL goes on, and does nothing twice`() async throws {
            let count = 40
            try await TestServer.run { server in
                for index in 0..<count {
                    let folder = "\(server.storage)/models/m\(index)"
                    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
                    try Data(#"{"model_type":"llama","number":\#(index)}"#.utf8).write(to: URL(filePath: "\(folder)/config.json"))
                    try Data(repeating: UInt8(index), count: 4 << 20).write(to: URL(filePath: "\(folder)/model.bin"))
                }
                let asked = try await server.send(SyncStorage())
                let before = try await eventually("some models") {
                    try await server.send(ListModels()).total
                } until: {
                    $0 >= 3
                }
                try await server.kill()
                #expect(before < count, "the sync was still under way")

                try await server.start()
                let ended = try await server.client.waitForOperation(asked.id)
                #expect(ended.attempts == 2)
                let models = try await server.send(ListModels(limit: 100)).items
                #expect(models.count == count && models.allSatisfy { $0.versionCount == 1 })
                for model in models {
                    let files = try await server.send(ListVersionFiles(versionID: model.name))
                    #expect(files.map(\.path) == ["config.json", "model.bin"] && files.allSatisfy { $0.stored == true })
                }
                let again = try await server.send(SyncStorage())
                #expect(try await server.client.waitForOperation(again.id).result?["unchanged"] == .int(Int64(count)))
                try await server.expectConsistentDatabase()
            }
        }

        /// Waits until an import has noted that the first part of the weights is on disk.
        private static func firstPart(of operation: String, _ server: TestServer, storage: String? = nil) async throws {
            let folder = "\(storage ?? server.storage)/.catapult/imports/\(operation)"
            try await eventually("the first part arrives") {
                let lists = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter { $0.hasSuffix(".parts") }
                return lists.contains { list in
                    let size = (try? FileManager.default.attributesOfItem(atPath: "\(folder)/\(list.dropLast(6))"))?[.size] as? Int ?? 0
                    return size > HubProgram.partSize && FileManager.default.contents(atPath: "\(folder)/\(list)")?.first == 1
                }
            } until: {
                $0
            }
        }

        /// The imported model has the hub's bytes, at its path and in the store.
        private static func expectWhole(_ hub: HubProgram, _ server: TestServer, storage: String? = nil) async throws {
            let version = try await server.send(GetVersion(versionID: "acme/tiny"))
            #expect(version.metadata["import"]?["commit"]?.stringValue == HubProgram.commit)
            #expect(try await server.send(ListVersionFiles(versionID: version.id)).allSatisfy { $0.stored == true })
            for name in ["config.json", "model.safetensors"] {
                let path = "\(storage ?? server.storage)/imports/models--acme--tiny/\(HubProgram.commit)/\(name)"
                let isSame = try FileManager.default.contents(atPath: path) == hub.file(name)
                #expect(isSame, "\(name) has the hub's bytes")
            }
        }
    }
}
