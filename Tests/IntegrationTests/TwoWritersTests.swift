import Catapult
import CatapultAPI
import Testing

extension Integration {
    /// Many who want the same name at the same moment: one gets it, the others are told.
    @Suite struct TwoWriters {
        private static let writers = 12

        @Test func `one of many gets a name, the others a conflict, and nothing is there twice`() async throws {
            try await TestServer.run { server in
                let client = try server.client
                let model = try await client.send(CreateModel(name: server.name("model"), storagePath: "m"))
                let name = server.name("same")
                try await Self.race("models") { _ = try await client.send(CreateModel(name: name, storagePath: "m")) }
                #expect(try await client.send(ListModels(search: name)).items.count == 1)

                try await Self.race("versions") { _ = try await client.send(CreateVersion(modelID: model.id, version: "1.0")) }
                try await Self.race("versions with a quantization") {
                    _ = try await client.send(CreateVersion(modelID: model.id, version: "1.0", quantization: "q4"))
                }
                #expect(try await client.send(ListModelVersions(modelID: model.id)).total == 2)

                try await Self.race("environments") { _ = try await client.send(CreateEnvironment(name: name, type: .cpu)) }
                try await Self.race("keys") { _ = try await client.send(CreateAPIKey(name: name)) }
                #expect(try await client.send(ListAPIKeys()).count { $0.name == name } == 1)

                // A delete and what refers to the thing meanwhile: both answers fit together.
                async let deleted = Result { try await client.send(DeleteModel(modelID: model.id)) }
                async let added = Result { try await client.send(CreateVersion(modelID: model.id, version: "2.0")) }
                _ = await (deleted, added)
                let rows = try await client.send(ListAuditLogs(action: "create_version", outcome: .succeeded, limit: 100))
                #expect(rows.count <= 3, "no more audit rows than successes")
                try await server.expectConsistentDatabase()
            }
        }

        /// All at once; one succeeds, and all others are refused with 409.
        private static func race(_ what: String, _ write: @escaping @Sendable () async throws -> Void) async throws {
            let statuses = await withTaskGroup(of: Int.self) { group in
                for _ in 0..<writers {
                    group.addTask {
                        do {
                            try await write()
                            return 201
                        } catch let error as CatapultError {
                            return error.status
                        } catch {
                            return -1
                        }
                    }
                }
                return await group.reduce(into: [Int]()) { $0.append($1) }
            }
            #expect(statuses.sorted() == [201] + Array(repeating: 409, count: writers - 1), "\(what)")
        }
    }
}

extension Result where Failure == any Error {
    /// What came of an action.
    fileprivate init(_ action: () async throws -> Success) async {
        do { self = .success(try await action()) } catch { self = .failure(error) }
    }
}
