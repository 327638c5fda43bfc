import CatapultAPI
import Testing

@testable import CatapultServer

@Suite struct EnvironmentTests {
    private let context = CoreFixture.context("create_environment", .environment)

    @Test func typesDecideAboutGPUs() async throws {
        try await CoreFixture.with { fixture async throws in
            let service = EnvironmentService(database: fixture.database)
            let cpu = try await service.create(CreateEnvironment(name: "dev"), context)
            #expect(cpu.type == .cpu)
            #expect(cpu.resources.gpu == nil)
            let gpu = try await service.create(
                CreateEnvironment(name: "production", type: .gpu, resources: ResourceRequest(memory: "32Gi")), context)
            #expect(gpu.resources.gpu == 1)
            for call in [
                CreateEnvironment(name: "x", type: .cpu, resources: ResourceRequest(gpu: 1)),
                CreateEnvironment(name: "x", type: .gpu, resources: ResourceRequest(gpu: 0)),
            ] {
                let error = await #expect(throws: CatapultError.self) { try await service.create(call, context) }
                #expect(error?.status == 400)
                #expect(error?.field == "resources.gpu")
            }
            #expect(try await service.list(ListEnvironments(), CoreFixture.context()).total == 2)
        }
    }

    @Test func anImpliedEnvironmentBecomesACreatedOne() async throws {
        try await CoreFixture.with { fixture async throws in
            let service = EnvironmentService(database: fixture.database)
            let implied = try await fixture.database.write { try EnvironmentStore.resolveOrImply("staging", for: .everything, in: $0) }
            #expect(implied.implied)
            let created = try await service.create(CreateEnvironment(name: "staging", resources: ResourceRequest(cpu: 2)), context)
            #expect(created.id == implied.id)
            #expect(!created.implied)
            let error = await #expect(throws: CatapultError.self) { try await service.create(CreateEnvironment(name: "staging"), context) }
            #expect(error?.status == 409)
        }
    }

    @Test func resourcesAreCheckedOnTheWire() async throws {
        try await CoreFixture.with { fixture async throws in
            try await fixture.http { http async throws in
                let answer = try await http.send(
                    .post, "/api/v1/environments", #"{"name":"x","type":"gpu","resources":{"memory":"lots","gpu":-1}}"#)
                #expect(answer.status == 422)
                let places = answer.json["detail"]?.arrayValue?.compactMap { $0["loc"]?[2]?.stringValue }.sorted()
                #expect(places == ["gpu", "memory"])
            }
        }
    }
}
