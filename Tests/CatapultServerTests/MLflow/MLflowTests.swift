import CatapultAPI
import NIOConcurrencyHelpers
import Testing

@testable import CatapultServer

@Suite struct MLflowTests {
    @Test(arguments: [
        ("https://m.example/#/experiments/3/runs/abc", "https://m.example/api/2.0/mlflow/runs/get?run_id=abc"),
        ("http://m.example:5000/#/experiments/3", "http://m.example:5000/api/2.0/mlflow/experiments/get?experiment_id=3"),
        ("http://m.example/team/ml/#/models/big%20model", "http://m.example/team/ml/api/2.0/mlflow/registered-models/get?name=big%20model"),
        ("http://m.example/#/models/gpt/versions/7", "http://m.example/api/2.0/mlflow/registered-models/get?name=gpt"),
        ("http://m.example/#/experiments/3/runs/abc/artifacts", "http://m.example/api/2.0/mlflow/runs/get?run_id=abc"),
        ("http://m.example/#/experiments/3?search=a", "http://m.example/api/2.0/mlflow/experiments/get?experiment_id=3"),
        ("http://[::1]:5000/#/models/a%26b", "http://[::1]:5000/api/2.0/mlflow/registered-models/get?name=a%26b"),
    ])
    func knowsWhatAPageIsAbout(url: String, request: String) throws { #expect(try MLflowAddress(url).request == request) }

    @Test(arguments: [
        "", "nothing", "http://m.example/", "http://m.example/experiments/3", "http://m.example/#/", "http://m.example/#/experiments",
        "http://m.example/#/experiments/3/traces/1", "ftp://m.example/#/models/a", "http:///#/models/a", "http://m.example/#/models/a/b/c",
    ])
    func otherAddressesAreRefused(url: String) {
        #expect { try MLflowAddress(url) } throws: { ($0 as? CatapultError)?.status == 400 }
    }

    /// What MLflow 3 answered to these requests, shortened.
    private static let answers: [String: String] = [
        "/api/2.0/mlflow/runs/get": #"""
        {"run": {"info": {"run_uuid": "r1", "experiment_id": "1", "run_name": "bold-ape-1", "user_id": "root", "status": "FINISHED",
        "start_time": 1795262400123, "end_time": 1795262401000, "artifact_uri": "/tmp/art/1/r1/artifacts", "lifecycle_stage": "active", "run_id": "r1"},
        "data": {"metrics": [{"key": "loss", "value": 0.25, "timestamp": 1, "step": 2}, {"key": "bad", "value": "NaN", "timestamp": 1, "step": 0}],
        "params": [{"key": "lr", "value": "0.1"}], "tags": [{"key": "mlflow.user", "value": "root"}, {"key": "team", "value": "x"}]}, "inputs": {}}}
        """#,
        "/api/2.0/mlflow/experiments/get": #"""
        {"experiment": {"experiment_id": "1", "name": "exp", "artifact_location": "/tmp/art/1", "lifecycle_stage": "active",
        "tags": [{"key": "k", "value": "v"}], "creation_time": 1795262400000}}
        """#,
        "/api/2.0/mlflow/registered-models/get": #"""
        {"registered_model": {"name": "gpt", "creation_timestamp": 1795262400000, "last_updated_timestamp": 1795262400500, "description": "d",
        "latest_versions": [{"name": "gpt", "version": "2", "current_stage": "None", "status": "READY", "source": "s", "run_id": "r1"}]}}
        """#,
    ]

    private struct Lab: Sendable {
        let fixture: CoreFixture
        let site: TestSite
        let mlflow: MLflowService
        let version: Version

        func get() async throws -> MLflowMetadata {
            try await mlflow.get(GetMLflowMetadata(versionID: version.id), CoreFixture.context("get", .version))
        }

        func sync() async throws -> MLflowMetadata {
            try await mlflow.sync(SyncMLflowMetadata(versionID: version.id), CoreFixture.context("sync_mlflow_metadata", .version))
        }
    }

    private func with(
        page: String?, allowed: String = "127.0.0.1", _ answer: @escaping @Sendable (TestSite.Asked) -> TestSite.Reply,
        _ body: @escaping @Sendable (Lab) async throws -> Void
    ) async throws {
        try await CoreFixture.with { fixture async throws in
            try await TestSite.run(answer) { site in
                let model = try await fixture.model()
                let version = try await fixture.versions.create(
                    CreateVersion(modelID: model.id, version: "1", mlflowURL: page.map { "\(site.url)/\($0)" }),
                    CoreFixture.context("create_version", .version))
                let policy = try #require(OutgoingPolicy(allowedHosts: allowed))
                let mlflow = MLflowService(database: fixture.database, client: OutgoingClient(policy: policy))
                try await body(Lab(fixture: fixture, site: site, mlflow: mlflow, version: version))
            }
        }
    }

    private static func answer(_ asked: TestSite.Asked) -> TestSite.Reply {
        answers[asked.path].map { .text($0) } ?? .text("{}", status: 404)
    }

    @Test func keepsARun() async throws {
        try await with(page: "#/experiments/1/runs/r1", Self.answer) { lab async throws in
            await #expect { try await lab.get() } throws: { ($0 as? CatapultError)?.type == "InvalidConfigurationError" }
            let metadata = try await lab.sync()
            #expect(metadata.resourceType == .run)
            #expect(metadata.runName == "bold-ape-1")
            #expect(metadata.startTime == 1_795_262_400_123)
            #expect(metadata.params == ["lr": "0.1"])
            #expect(metadata.metrics == ["loss": 0.25], "what is not finite is left out")
            #expect(metadata.tags == ["team": "x"], "without MLflow's own")
            #expect(metadata.latestVersions == nil)
            #expect(try await lab.get() == metadata)
            #expect(lab.site.asked.map(\.query) == ["run_id=r1"])
            let stored = try await lab.fixture.versions.get(GetVersion(versionID: lab.version.id), CoreFixture.context())
            #expect(stored.metadata["mlflow"]?["metrics"] == ["loss": 0.25])
            let audited = try await AuditLog(database: lab.fixture.database).list(
                ListAuditLogs(action: "sync_mlflow_metadata"), CoreFixture.context())
            #expect(audited.count == 1)
        }
    }

    @Test func keepsAnExperimentAndAModel() async throws {
        try await with(page: "#/experiments/1", Self.answer) { lab async throws in
            let metadata = try await lab.sync()
            #expect(metadata.experimentName == "exp")
            #expect(metadata.lifecycleStage == "active")
            #expect(metadata.tags == ["k": "v"])
        }
        try await with(page: "#/models/gpt/versions/1", Self.answer) { lab async throws in
            let metadata = try await lab.sync()
            #expect(metadata.requestedVersion == "1")
            #expect(metadata.description == "d")
            #expect(metadata.latestVersions?.first == .init(version: "2", currentStage: "None", status: "READY", source: "s", runID: "r1"))
        }
    }

    @Test(arguments: [(404, 400), (500, 503), (302, 503), (401, 503)])
    func otherAnswersAreErrorsOfTheContract(status: Int, error: Int) async throws {
        try await with(page: "#/models/gpt", { _ in .text("secret words", status: status) }) { lab async throws in
            await #expect { try await lab.sync() } throws: { thrown in
                let thrown = thrown as? CatapultError
                return thrown?.status == error && thrown?.message.contains("secret") == false
            }
        }
    }

    @Test(arguments: ["no json", "{}", "[]", "{\"registered_model\":7}"])
    func answersThatAreNoneAreNotStored(text: String) async throws {
        try await with(page: "#/experiments/1/runs/r1", { _ in .text(text) }) { lab async throws in
            await #expect { try await lab.sync() } throws: { ($0 as? CatapultError)?.status == 503 }
            #expect(
                try await lab.fixture.versions.get(GetVersion(versionID: lab.version.id), CoreFixture.context()).metadata["mlflow"] == nil)
        }
    }

    @Test func privateAddressesAreRefusedUnlessAllowed() async throws {
        try await with(page: "#/models/gpt", allowed: "other.example", Self.answer) { lab async throws in
            await #expect { try await lab.sync() } throws: { thrown in
                let thrown = thrown as? CatapultError
                return thrown?.status == 400 && thrown?.hint?.contains("CATAPULT_ALLOWED_HOSTS") == true
            }
            #expect(lab.site.asked.isEmpty)
        }
    }

    @Test func whatWasKeptOfAnotherPageIsNotShown() async throws {
        try await with(page: "#/experiments/1/runs/r1", Self.answer) { lab async throws in
            _ = try await lab.sync()
            _ = try await lab.fixture.versions.update(
                UpdateVersion(versionID: lab.version.id, mlflowURL: "\(lab.site.url)/#/models/none"),
                CoreFixture.context("update_version", .version))
            await #expect { try await lab.get() } throws: { ($0 as? CatapultError)?.field == "mlflow_metadata" }
        }
    }

    @Test func aVersionWithoutAPageSaysSo() async throws {
        try await with(page: nil, Self.answer) { lab async throws in
            await #expect { try await lab.sync() } throws: { ($0 as? CatapultError)?.field == "mlflow_url" }
            await #expect { try await lab.get() } throws: { ($0 as? CatapultError)?.status == 400 }
        }
    }

    @Test func settingThePageQueuesAFetch() async throws {
        try await CoreFixture.with { fixture async throws in
            try await TestSite.run(Self.answer) { site in
                let policy = try #require(OutgoingPolicy(allowedHosts: "127.0.0.1"))
                let mlflow = MLflowService(database: fixture.database, client: OutgoingClient(policy: policy))
                let runner = OperationRunner(
                    database: fixture.database, signals: fixture.signals, logs: fixture.sharedLogs, leader: fixture.leader,
                    handlers: [MLflowOperation(database: fixture.database, service: mlflow)], logger: CoreFixture.logger)
                let operations = OperationService(
                    database: fixture.database, runner: runner, signals: fixture.signals, logs: fixture.sharedLogs)
                let versions = VersionService(
                    database: fixture.database, storage: fixture.storage, blobs: fixture.blobs, wake: { runner.wake($0) })
                let context = CoreFixture.context("update_version", .version)
                let version = try await versions.create(
                    CreateVersion(modelID: try await fixture.model().id, version: "1"), context)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await runner.run() }
                    _ = try await versions.update(UpdateVersion(versionID: version.id, mlflowURL: "\(site.url)/#/models/gpt"), context)
                    // The same page again is no reason to ask again.
                    _ = try await versions.update(UpdateVersion(versionID: version.id, mlflowURL: "\(site.url)/#/models/gpt"), context)
                    let queued = try await operations.list(ListOperations(kind: .mlflow), context).items
                    #expect(queued.count == 1)
                    var operation = try #require(queued.first)
                    #expect(operation.subjectID == version.id)
                    while !operation.state.isTerminal {
                        operation = try await operations.get(GetOperation(operationID: operation.id, wait: 30), context)
                    }
                    #expect(operation.state == .succeeded)
                    group.cancelAll()
                }
                let stored = try await versions.get(GetVersion(versionID: version.id), context)
                #expect(stored.metadata["mlflow"]?["model_name"] == "gpt")
            }
        }
    }
}
