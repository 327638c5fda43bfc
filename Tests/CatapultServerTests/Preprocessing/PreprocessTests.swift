import CatapultAPI
import ContainerEngine
import Foundation
import SQLDatabase
import Testing

@testable import CatapultServer

/// Programs over a model's files, on the machine's engine.
@Suite("Preprocessing", .whereBuildsCanRun, .timeLimit(.minutes(3))) struct PreprocessTests {
    /// A model with files, an image with a shell, and the parts that do the work.
    private struct Workshop {
        let lab: BuildLab
        let image: String
        let model: Model
        let service: PreprocessService
        let runner: OperationRunner

        static func with(_ body: (Workshop) async throws -> Void) async throws {
            try await BuildBase.with { base in
                try await BuildLab.with { lab in
                    let version = try await lab.addVersion(model: "team/tiny", files: ["weights.bin": "weights"])
                    try lab.write("other", to: "storage/models/other/secret.txt")
                    let model = try await lab.database.read { try ModelStore.resolve(version.modelID, for: .everything, in: $0) }
                    let runner = OperationRunner(
                        database: lab.database, signals: lab.signals,
                        logs: SharedLogs(files: lab.logs, database: lab.database, signals: lab.signals, logger: BuildLab.logger),
                        leader: lab.leader,
                        handlers: [PreprocessOperation(storage: lab.storage, engine: lab.engine)],
                        logger: BuildLab.logger)
                    let service = PreprocessService(
                        database: lab.database, storage: lab.storage, engine: lab.engine,
                        gpus: { GPUInventory(gpus: [], reason: "none in tests") }, wake: { runner.wake(.preprocess) })
                    let workshop = Workshop(lab: lab, image: base.image, model: model, service: service, runner: runner)
                    let leader = lab.leader
                    let workers = Task {
                        try await withThrowingTaskGroup(of: Void.self) { group in
                            group.addTask { try await leader.run() }
                            group.addTask { try await runner.run() }
                            try await group.waitForAll()
                        }
                    }
                    do {
                        try await body(workshop)
                        workers.cancel()
                        _ = await workers.result
                    } catch {
                        workers.cancel()
                        _ = await workers.result
                        throw error
                    }
                }
            }
        }

        static func context(_ scope: KeyScope = .everything) -> CallContext {
            var context = CoreFixture.context("preprocess_model")
            context.scope = scope
            return context
        }

        func begin(_ script: String, mounts: [String: String] = [:]) async throws -> String {
            let call = PreprocessModel(modelID: model.name, image: image, command: ["/bin/sh", "-c", script], mounts: mounts)
            return try await service.start(call, Self.context()).operationID
        }

        /// The operation, once it has come to where it is waited for.
        func operation(_ id: String, until isThere: (CatapultAPI.Operation) -> Bool) async throws -> CatapultAPI.Operation {
            let changes = lab.signals.subscribe(id)
            while true {
                if let now = try await lab.database.read({ try OperationStore.find(id, in: $0) }), isThere(now) { return now }
                _ = try await ChangeSignals.next(changes, within: .seconds(60))
            }
        }

        func outcome() async throws -> JSONValue? {
            let id = model.id
            return try await lab.database.read { try ModelStore.find(id, in: $0) }?.metadata["preprocessing"]
        }

        func containers(of id: String) async throws -> Int {
            try await lab.engine.containers.list(labels: ["catapult.operation": id]).count
        }
    }

    @Test func aProgramWritesIntoItsModelAndNowhereElse() async throws {
        try await Workshop.with { shop in
            let script = """
                echo hello; echo made > /model/out.txt
                echo x > /all/no.txt; echo x > /all/other/no.txt; echo x > /no.txt
                cat /all/other/secret.txt; echo; exit 0
                """
            let id = try await shop.begin(script, mounts: [shop.model.storagePath: "/model", "models": "/all"])
            let ended = try await shop.operation(id) { $0.state.isTerminal }
            #expect(ended.state == .succeeded, "\(ended)")
            let root = shop.lab.storage.root
            #expect(try String(contentsOfFile: "\(root)/\(shop.model.storagePath)/out.txt", encoding: .utf8) == "made\n")
            for path in ["models/no.txt", "models/other/no.txt"] { #expect(!FileManager.default.fileExists(atPath: "\(root)/\(path)")) }
            let log = shop.lab.logs.text(id)
            #expect(log.contains("hello\n") && log.contains("other\n") && log.contains("Read-only file system"))
            #expect(try await shop.containers(of: id) == 0)
            #expect(try await shop.outcome()?["log_path"]?.stringValue == "/api/v1/operations/\(id)/logs")
        }
    }

    @Test(arguments: [(0, "completed"), (3, "failed")]) func itsExitCodeIsItsOutcome(_ code: Int, _ status: String) async throws {
        try await Workshop.with { shop in
            let id = try await shop.begin("exit \(code)")
            let ended = try await shop.operation(id) { $0.state.isTerminal }
            #expect(ended.state == (code == 0 ? .succeeded : .failed))
            let outcome = try #require(try await shop.outcome())
            #expect(outcome["status"]?.stringValue == status)
            #expect(outcome["error"]?.stringValue?.contains("exit code 3") == (code == 0 ? nil : true))
            #expect(try await shop.containers(of: id) == 0)
        }
    }

    @Test func whoeverCancelsEndsTheProgram() async throws {
        try await Workshop.with { shop in
            let id = try await shop.begin("sleep 1000")
            _ = try await shop.operation(id) { $0.message == "the program runs" }
            #expect(try await shop.containers(of: id) == 1)
            let runner = shop.runner
            let operation = try await shop.lab.database.write { try runner.cancel(id, in: $0) }
            runner.didCancel(operation)
            let ended = try await shop.operation(id) { $0.state.isTerminal }
            #expect(ended.state == .cancelled)
            #expect(try await shop.containers(of: id) == 0)
            #expect(try await shop.outcome()?["status"] == "cancelled")
        }
    }

    @Test func whatMayNotBeIsRefusedBeforeAnythingIsQueued() async throws {
        try await Workshop.with { shop in
            let limited = KeyScope(models: ["team/*"])
            let own = shop.model.storagePath
            let cases: [(String, [String: String], KeyScope, Int)] = [
                ("no-such-image:1", [:], .everything, 404), (shop.image, ["../x": "/x"], .everything, 400),
                (shop.image, ["/etc": "/x"], .everything, 400), (shop.image, [".catapult": "/x"], .everything, 400),
                (shop.image, ["models/gone": "/x"], .everything, 400), (shop.image, [own: "x"], .everything, 400),
                (shop.image, [own: "/a/../b"], .everything, 400),
                (shop.image, ["models/other": "/x"], limited, 403), (shop.image, ["models": "/x"], limited, 403),
                (shop.image, [:], KeyScope(models: ["elsewhere"]), 404),
            ]
            for (image, mounts, scope, status) in cases {
                let call = PreprocessModel(modelID: shop.model.name, image: image, mounts: mounts)
                let error = await #expect(throws: CatapultError.self) { _ = try await shop.service.start(call, Workshop.context(scope)) }
                #expect(error?.status == status, "\(image) \(mounts): \(error?.message ?? "")")
            }
            let gpu = PreprocessModel(modelID: shop.model.name, image: shop.image, gpu: true)
            let error = await #expect(throws: CatapultError.self) { _ = try await shop.service.start(gpu, Workshop.context()) }
            #expect(error?.code == "insufficient_resources")
            let queued = try await shop.lab.database.read { try $0.fetchInt("SELECT count(*) FROM operations") }
            #expect(queued == 0)
        }
    }
}
