import Foundation
import NIOCore
import Testing

@testable import ContainerEngine

@Suite("Images of the real engine", .whereEngineIsReachable, .realEngine, .timeLimit(.minutes(3)))
struct ImageIntegrationTests {
    private func context(_ dockerfile: String) async throws -> TarStream {
        var archive = TarArchive()
        archive.add(dockerfile, at: "Dockerfile")
        archive.add("hello", at: "data/file.txt")
        return try await archive.prepare()
    }

    @Test("builds an image with arguments, labels and limits, and describes, lists, tags and removes it")
    func buildAndRemove() async throws {
        let fixture = try EngineFixture.required()
        let images = fixture.engine.images
        let name = EngineFixture.uniqueName("build")
        let request = ImageBuildRequest(
            tags: ["\(name):1"], buildArguments: ["WHO": "world"], labels: ["containerengine.test": name], ignoresCache: true,
            memoryBytes: 64 << 20, nanoCPUs: 1_000_000_000, network: "none")
        let dockerfile =
            "FROM \(fixture.image)\nARG WHO\nENV A=1\nEXPOSE 8080\nCOPY data /data\nRUN echo hello $WHO > /greeting && echo built\nUSER 65534\n"
        var output = ""
        var id: String?
        for try await progress in try await images.build(request, context: try await context(dockerfile)) {
            switch progress {
            case .output(let text): output += text
            case .image(let image): id = image
            case .status: break
            }
        }
        let imageID = try #require(id)
        #expect(output.contains("Step 1/"))
        #expect(output.contains("built"))

        let image = try await images.inspect("\(name):1")
        #expect(image.id == imageID)
        #expect(image.tags == ["\(name):1"])
        #expect(image.digests == [])
        #expect(image.labels["containerengine.test"] == name)
        #expect(image.environment.contains("A=1"))
        #expect(image.exposedPorts == ["8080/tcp"])
        #expect(image.user == "65534")
        #expect(image.layers.count == 3)
        #expect(image.sizeBytes > 1_000_000)
        #expect(image.created != nil)
        #expect(!image.hasHealthCheck)
        #expect(try await images.history(of: imageID).contains { $0.createdBy.contains("EXPOSE 8080") })
        #expect(try await images.list(labels: ["containerengine.test": name]).map(\.id) == [imageID])
        #expect(try await images.list(references: ["\(name):*"], dangling: false).map(\.tags) == [["\(name):1"]])

        try await images.tag(imageID, as: "\(name):2")
        await #expect(throws: ContainerEngineError.self) { try await images.remove(imageID) }
        #expect(try await images.remove("\(name):2") == ImageRemoval(untagged: ["\(name):2"], deleted: []))
        #expect(try await images.remove(imageID).deleted.contains(imageID))
        let error = try await #require(throws: ContainerEngineError.self) { try await images.inspect(imageID) }
        guard case .notFound(.image, imageID, _) = error else {
            Issue.record("\(error)")
            return
        }
    }

    @Test("streams a context of many pieces")
    func largeContext() async throws {
        let fixture = try EngineFixture.required()
        let name = EngineFixture.uniqueName("large")
        var archive = TarArchive()
        archive.add("FROM scratch\nCOPY blob /blob\n", at: "Dockerfile")
        archive.add(ByteBuffer(repeating: 7, count: 24 << 20), at: "blob")
        for index in 0..<500 { archive.add("\(index)", at: "many/\(index)") }
        for try await _ in try await fixture.engine.images.build(ImageBuildRequest(tags: [name]), context: archive.prepare()) {}
        #expect(try await fixture.engine.images.inspect(name).sizeBytes == 24 << 20)
        try await fixture.engine.images.remove(name)
    }

    @Test("tells a failing step with its exit code")
    func failingStep() async throws {
        let fixture = try EngineFixture.required()
        let context = try await context("FROM \(fixture.image)\nRUN exit 3\n")
        let error = try await #require(throws: ContainerEngineError.self) {
            for try await _ in try await fixture.engine.images.build(ImageBuildRequest(tags: [], network: "none"), context: context) {}
        }
        guard case .buildFailed(_, exitCode: 3) = error else {
            Issue.record("\(error)")
            return
        }
    }

    @Test("tells a Dockerfile that is malformed or missing")
    func badDockerfile() async throws {
        let engine = try EngineFixture.required().engine
        for (dockerfile, path) in [("NONSENSE\n", "Dockerfile"), ("FROM scratch\n", "absent/Dockerfile")] {
            let context = try await context(dockerfile)
            let error = try await #require(throws: ContainerEngineError.self) {
                for try await _ in try await engine.images.build(ImageBuildRequest(tags: [], dockerfile: path), context: context) {}
            }
            switch error {
            case .badRequest, .serverError: break
            default: Issue.record("\(error)")
            }
        }
    }

    @Test("ends a build whose context cannot be read to its end, with the context's error")
    func brokenContext() async throws {
        struct Broken: Error {}
        let engine = try EngineFixture.required().engine
        let context = AsyncThrowingStream<ByteBuffer, any Error> { continuation in
            continuation.yield(ByteBuffer(bytes: TarHeader(path: "Dockerfile", kind: .file, size: 10_000).blocks))
            continuation.finish(throwing: Broken())
        }
        await #expect(throws: Broken.self) {
            for try await _ in try await engine.images.build(ImageBuildRequest(tags: []), context: context) {}
        }
    }

    @Test("stops a build when its task is cancelled: the step's container goes away")
    func cancelledBuild() async throws {
        let fixture = try EngineFixture.required()
        let label = EngineFixture.uniqueName("cancel")
        let request = ImageBuildRequest(tags: [], labels: ["containerengine.cancel": label], ignoresCache: true, network: "none")
        let context = try await context("FROM \(fixture.image)\nRUN echo begun && sleep 300\n")
        let (lines, continuation) = AsyncStream<String>.makeStream()
        let build = Task {
            for try await case .output(let text) in try await fixture.engine.images.build(request, context: context) {
                continuation.yield(text)
            }
        }
        var container: String?
        for await line in lines {
            if let range = line.range(of: "Running in ") {
                container = line[range.upperBound...].trimmingCharacters(in: .whitespacesAndNewlines)
            }
            if line == "begun\n" { break }
        }
        let id = try #require(container)
        let events = try await fixture.engine.events(
            EventFilter(containers: [id], actions: ["destroy"]), since: EngineTimestamp(seconds: 0))
        build.cancel()
        await #expect(throws: CancellationError.self) { try await build.value }
        var iterator = events.makeAsyncIterator()
        let event = try #require(try await iterator.next())
        #expect(event.action == .destroy)
        #expect(event.id.hasPrefix(id))
    }
}
