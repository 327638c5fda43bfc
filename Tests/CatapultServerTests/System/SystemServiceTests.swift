import CatapultAPI
import ContainerEngine
import Foundation
import SQLDatabase
import Testing

@testable import CatapultServer

@Suite("System service")
struct SystemServiceTests {
    private static let absent = EngineHost.unixSocket(path: "/nonexistent/engine.sock")

    private func service(_ lab: BuildLab) -> SystemService {
        SystemService(
            database: lab.database, storage: lab.storage, environmentName: "testing", engine: lab.engine,
            probe: EngineProbe(engine: lab.engine),
            gpus: GPUDetector(environment: .inherit.updating(["PATH": "/nonexistent"])))
    }

    @Test("An engine that is away degrades its part only")
    func engineAway() async throws {
        try await BuildLab.with(host: Self.absent) { lab in
            let health = await service(lab).health()
            #expect(health.status == "healthy")
            #expect(health.components == ["database": "healthy", "storage": "healthy", "engine": "degraded"])
            let usage = await service(lab).diskUsage()
            #expect(usage.images == usage.volumes)
            #expect(usage.images.sizeBytes == 0)
            #expect(usage.images.sizeHuman == "N/A")
            #expect(usage.images.count == nil)
            #expect(usage.totalDockerHuman == "N/A")
            #expect(usage.diskTotalBytes > 0)
        }
    }

    @Test("A database that is closed makes the server unhealthy")
    func databaseAway() async throws {
        try await BuildLab.with(host: Self.absent) { lab in
            let service = service(lab)
            try await lab.database.close()
            let health = await service.health()
            #expect(health.status == "unhealthy")
            #expect(!health.database)
        }
    }

    @Test("A storage root that is gone degrades storage, and has no sizes")
    func storageAway() async throws {
        try await BuildLab.with(host: Self.absent) { lab in
            try FileManager.default.removeItem(atPath: lab.storage.root)
            #expect(await service(lab).health().components["storage"] == "degraded")
            let error = await #expect(throws: CatapultError.self) { try await service(lab).storage(CoreFixture.context()) }
            #expect(error?.status == 503)
        }
    }

    @Test("Storage tells the file system's sizes and how much is registered")
    func storage() async throws {
        try await BuildLab.with(host: Self.absent) { lab in
            try await lab.addVersion()
            try await lab.addVersion(version: "2.0")
            let storage = try await service(lab).storage(CoreFixture.context())
            #expect(storage.total == storage.used + storage.free)
            #expect(storage.free > 0)
            #expect(storage.modelsCount == 1)
            #expect(storage.versionsCount == 2)
            #expect(storage.root == lab.storage.root)
        }
    }

    @Test("Who it is, and that it has no GPU")
    func info() async throws {
        try await BuildLab.with(host: Self.absent) { lab in
            #expect(service(lab).info() == ServerInfo(version: CatapultVersion.current, environment: "testing"))
            #expect(service(lab).greeting().docs == "/docs")
            #expect(await service(lab).gpus().available == false)
        }
    }

    @Test("The real engine's disk usage", .whereBuildsCanRun)
    func diskUsage() async throws {
        try await BuildBase.with { _ in
            try await BuildLab.with { lab in
                #expect(await service(lab).health().components["engine"] == "healthy")
                let usage = await service(lab).diskUsage()
                #expect((usage.images.count ?? 0) > 0)
                #expect(usage.images.sizeBytes > 0)
                #expect(usage.totalDockerBytes >= usage.images.sizeBytes)
                #expect(usage.images.sizeHuman != "N/A")
            }
        }
    }
}
