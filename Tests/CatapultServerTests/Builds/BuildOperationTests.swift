import CatapultAPI
import ContainerEngine
import Foundation
import SQLDatabase
import Testing

@testable import CatapultServer

@Suite("Builds on the engine", .whereBuildsCanRun, .timeLimit(.minutes(3)))
struct BuildOperationTests {
    private func create(_ lab: BuildLab, _ version: Version, _ base: BuildBase, _ purpose: String) async throws -> Build {
        try await lab.service.create(
            CreateBuild(releaseID: version.id, imageTag: base.tag(purpose), buildArgs: ["UNKNOWN_ARG": "hidden value"]), BuildLab.context)
    }

    /// What a container of the image prints.
    private func output(of script: String, in image: String, _ engine: ContainerEngine) async throws -> String {
        var specification = ContainerSpecification(image: image, command: ["/bin/sh", "-c", script])
        specification.network = "none"
        let id = try await engine.containers.create(specification).id
        do {
            try await engine.containers.start(id)
            _ = try await engine.containers.wait(for: id)
            let lines = try await engine.containers.lastLogLines(of: id, count: 10)
            try await engine.containers.remove(id, force: true)
            return lines.map(\.text).joined(separator: "|")
        } catch {
            try? await engine.containers.remove(id, force: true)
            throw error
        }
    }

    @Test("Template and files become an image with labels; row, log and version tell of it", arguments: [true, false])
    func success(listed: Bool) async throws {
        try await BuildBase.with { base in
            try await BuildLab.with(baseImage: base.image) { lab in
                try lab.addTemplate(script: "echo the step speaks")
                let version = try await lab.addVersion(listed: listed)
                try lab.write("not of the version", to: "storage/models/Team-Tiny-Model/extra.bin")
                let build = try await create(lab, version, base, "success")
                let done = try await lab.working { try await lab.end(of: build) }

                #expect(done.status == .success, "\(done.errorMessage ?? "")")
                #expect(done.isCurrent)
                #expect(done.completedAt != nil)
                let image = try await base.engine.images.inspect(build.imageTag)
                #expect(done.imageDigest == image.id)
                #expect(image.labels["catapult.managed"] == "true")
                #expect(image.labels["catapult.version"] == version.id)
                #expect(image.labels["catapult.build"] == build.id)
                #expect(image.labels["catapult.model"] == "Team/Tiny Model")
                let folder = "/models/Team-Tiny-Model"
                #expect(
                    try await output(
                        of: "cat \(folder)/weights.bin \(folder)/parts/a.bin; test -e \(folder)/extra.bin && echo +", in: image.id,
                        base.engine)
                        == (listed ? "weightsa" : "weightsa+"))
                #expect(try await lab.version(version.id).metadata["docker_image"] == .string(build.imageTag))

                let operation = try #require(await lab.database.read { try OperationStore.find(build.operationID, in: $0) })
                #expect(operation.state == .succeeded)
                #expect(operation.progress == 1)
                #expect(operation.result?["image_digest"] == .string(image.id))

                let log = try await lab.log(of: build)
                #expect(log.contains("-- template: script, for the server type generic\n"))
                #expect(log.contains("-- files: \(listed ? "2 files" : "all files") of models/Team-Tiny-Model; "))
                #expect(log.contains("-- base image: \(base.image), set for this server\n"))
                #expect(log.contains("-- note: the template script does not know the build argument UNKNOWN_ARG\n"))
                #expect(!log.contains("hidden value"))
                // The labels are one step more.
                #expect(log.contains("#1 [build 1/7] ARG BASE_IMAGE"))
                #expect(log.contains("Step 4/7 : RUN [\"/bin/sh\", \"/run.sh\"]"))
                #expect(log.contains("the step speaks\n"))
                #expect(log.hasSuffix("-- image \(image.id)\n"))
                #expect(try await base.containers().isEmpty)
            }
        }
    }

    @Test("A step that fails fails the build with code and step, and leaves no container")
    func failingStep() async throws {
        try await BuildBase.with { base in
            try await BuildLab.with(baseImage: base.image) { lab in
                try lab.addTemplate(script: "echo trouble ahead; exit 3")
                let build = try await create(lab, try await lab.addVersion(), base, "failure")
                let done = try await lab.working { try await lab.end(of: build) }
                #expect(done.status == .failed)
                let message = try #require(done.errorMessage)
                #expect(message.hasPrefix("Docker build failed with code 3 at step 4/7 (RUN [\"/bin/sh\", \"/run.sh\"]): "))
                let log = try await lab.log(of: build)
                #expect(log.contains("trouble ahead\n"))
                #expect(log.contains("Build failed: \(message)\n"))
                #expect(try await base.containers().isEmpty)
                #expect(try await lab.version(build.versionID).metadata["docker_image"] == nil)
                await #expect(throws: ContainerEngineError.self) { try await base.engine.images.inspect(build.imageTag) }
            }
        }
    }

    @Test("A base image that is nowhere is told with the way out")
    func missingBase() async throws {
        try await BuildBase.with { base in
            try await BuildLab.with { lab in
                try lab.addTemplate()
                let build = try await create(lab, try await lab.addVersion(), base, "nobase")
                let done = try await lab.working { try await lab.end(of: build) }
                #expect(done.status == .failed)
                let operation = try #require(await lab.database.read { try OperationStore.find(build.operationID, in: $0) })
                #expect(operation.error?["hint"]?.stringValue?.contains("BASE_IMAGE") == true, "\(done.errorMessage ?? "")")
            }
        }
    }

    @Test("Cancelling stops the step that runs, removes its container, and ends the log for those who follow")
    func cancel() async throws {
        try await BuildBase.with { base in
            try await BuildLab.with(baseImage: base.image) { lab in
                try lab.addTemplate(script: "echo the step sleeps; sleep 3600")
                let build = try await create(lab, try await lab.addVersion(), base, "cancel")
                try await lab.working {
                    try await lab.waitForLog(of: build, toHave: "the step sleeps")
                    #expect(try await base.containers().count == 1)
                    #expect(try await lab.service.get(build.id, BuildLab.context).status == .building)
                    let follower = Task {
                        try await lab.logs.follow(build.operationID, keepAlive: .init()) {
                            try await lab.service.get(build.id, BuildLab.context).status.isTerminal
                        } send: { _ in
                        }
                    }
                    var context = BuildLab.context
                    context.action = CancelBuild.audit
                    #expect(try await lab.service.cancel(CancelBuild(buildID: build.id), context).status == .cancelled)
                    try await follower.value
                    try await base.containersAreGone()
                }
                #expect(try await lab.log(of: build).hasSuffix("-- stopped\n"))
                let operation = try #require(await lab.database.read { try OperationStore.find(build.operationID, in: $0) })
                #expect(operation.state == .cancelled)
            }
        }
    }

    @Test("A build that takes too long is stopped and says so")
    func timeLimit() async throws {
        try await BuildBase.with { base in
            try await BuildLab.with(timeLimit: .seconds(1)) { lab in
                let version = try await lab.addVersion()
                let build = try await lab.service.create(
                    CreateBuild(
                        releaseID: version.id, imageTag: base.tag("slow"),
                        dockerfileContent: "FROM \(base.image)\nRUN [\"/bin/sleep\", \"3600\"]\n"),
                    BuildLab.context)
                let done = try await lab.working { try await lab.end(of: build) }
                #expect(done.status == .failed)
                #expect(done.errorMessage == "The build was stopped: it took longer than 1 seconds")
                try await base.containersAreGone()
            }
        }
    }

    @Test("A build that a crash cut short begins anew")
    func crash() async throws {
        try await BuildBase.with { base in
            try await BuildLab.with(baseImage: base.image) { lab in
                try lab.addTemplate()
                let build = try await create(lab, try await lab.addVersion(), base, "crash")
                // What a server that was killed in the middle leaves in the database.
                try await lab.database.write { connection in
                    try BuildStore.begin(build.id, in: connection)
                    _ = try OperationStore.claim(.build, owner: "dead", lease: .seconds(3_600), in: connection)
                }
                let done = try await lab.working { try await lab.end(of: build) }
                #expect(done.status == .success, "\(done.errorMessage ?? "")")
                let operation = try #require(await lab.database.read { try OperationStore.find(build.operationID, in: $0) })
                #expect(operation.attempts == 2)
                #expect(try await lab.log(of: build).contains("-- attempt 2: "))
            }
        }
    }

    @Test("A Dockerfile of one's own is used instead of a template")
    func ownDockerfile() async throws {
        try await BuildBase.with { base in
            try await BuildLab.with { lab in
                let version = try await lab.addVersion(serverType: nil)
                let build = try await lab.service.create(
                    CreateBuild(
                        releaseID: version.id, imageTag: base.tag("own"),
                        dockerfileContent: "FROM \(base.image)\nCOPY model/weights.bin /w\n"),
                    BuildLab.context)
                #expect(build.template == nil)
                let done = try await lab.working { try await lab.end(of: build) }
                #expect(done.status == .success, "\(done.errorMessage ?? "")")
                #expect(try await output(of: "cat /w", in: build.imageTag, base.engine) == "weights")
            }
        }
    }

    @Test("Files that vanished, grew or became something else fail the build before anything is sent")
    func changedFiles() async throws {
        try await BuildLab.with { lab in
            try lab.addTemplate()
            let folder = "\(lab.directory)/storage/models"
            func failure(_ model: String, files: [String: String] = ["w.bin": "w"], listed: Bool = true, change: () throws -> Void)
                async throws -> String?
            {
                let version = try await lab.addVersion(model: model, files: files, listed: listed)
                let build = try await lab.service.create(CreateBuild(releaseID: version.id), BuildLab.context)
                try change()
                let done = try await lab.working { try await lab.end(of: build) }
                #expect(done.status == .failed)
                #expect(done.errorMessage?.contains(lab.directory) != true, "no path of the server in what clients see")
                return done.errorMessage
            }
            #expect(
                try await failure("gone") { try FileManager.default.removeItem(atPath: "\(folder)/gone/w.bin") }
                    == "The files of gone:1.0 cannot be used: the file w.bin is no longer there")
            #expect(
                try await failure("grown") { try lab.write("wider", to: "storage/models/grown/w.bin") }
                    == "The files of grown:1.0 cannot be used: the file w.bin has 5 bytes, and had 1 when it was registered")
            #expect(
                try await failure("folder") {
                    try FileManager.default.removeItem(atPath: "\(folder)/folder/w.bin")
                    try FileManager.default.createDirectory(atPath: "\(folder)/folder/w.bin", withIntermediateDirectories: false)
                } == "The files of folder:1.0 cannot be used: w.bin is not a file")
            #expect(
                try await failure("link", listed: false) {
                    try FileManager.default.createSymbolicLink(atPath: "\(folder)/link/out", withDestinationPath: "/etc/passwd")
                } == "The build's files cannot be sent: The symbolic link 'out' leads out of its directory, to '/etc/passwd'.")
            #expect(
                try await failure("away", listed: false) { try FileManager.default.removeItem(atPath: "\(folder)/away") }
                    == "The build's files cannot be sent: The file 'the model's folder' does not exist.")
            #expect(
                try await failure("empty", listed: false) { try FileManager.default.removeItem(atPath: "\(folder)/empty/w.bin") }
                    == "The files of empty:1.0 cannot be used: its folder models/empty is empty")
        }
    }

    @Test("A model is named after its folder, and not after its version")
    func modelName() async throws {
        try await BuildLab.with { lab in
            let version = try await lab.addVersion()
            #expect(BuildContext.modelName(of: version) == "Team-Tiny-Model")
            let own = try await lab.addVersion(version: "2.0", cephPath: "models/tiny/2.0")
            #expect(BuildContext.modelName(of: own) == "tiny")
        }
    }
}
