import CatapultAPI
import Foundation
import SQLDatabase
import Testing

@testable import CatapultServer

/// A registry with a blob store and workers of imports and syncs.
struct ImportLab: Sendable {
    let fixture: CoreFixture
    let store: BlobStore
    let runner: OperationRunner
    let operations: OperationService
    let imports: ImportService
    let sync: SyncService
    static let context = CoreFixture.context("import_model", .model)

    /// - Parameters:
    ///   - hub: address of the hub.
    ///   - allowed: hosts of private networks that the hub may redirect to.
    static func with(
        hub: String = "http://127.0.0.1:8", token: String? = nil, licenses: Set<String>? = nil, allowed: String = "",
        _ fixture: CoreFixture,
        _ body: @Sendable (ImportLab) async throws -> Void
    ) async throws {
        let store = try BlobStore(database: fixture.database, storage: fixture.storage)
        var configuration = try #require(HubConfiguration(endpoint: hub))
        configuration.token = token
        configuration.allowedLicenses = licenses
        let directory = try fixture.storage.resolve("models")
        let runner = OperationRunner(
            database: fixture.database, signals: fixture.signals, logs: fixture.sharedLogs, leader: fixture.leader,
            handlers: [
                ImportOperation(
                    database: fixture.database, store: store,
                    hub: HubClient(configuration, policy: try #require(OutgoingPolicy(allowedHosts: allowed)))),
                SyncOperation(database: fixture.database, store: store, directory: directory),
            ], logger: CoreFixture.logger)
        let lab = ImportLab(
            fixture: fixture, store: store, runner: runner,
            operations: OperationService(database: fixture.database, runner: runner, signals: fixture.signals, logs: fixture.sharedLogs),
            imports: ImportService(database: fixture.database, storage: fixture.storage, wake: { runner.wake($0) }),
            sync: SyncService(database: fixture.database, wake: { runner.wake($0) }))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await runner.run() }
            try await body(lab)
            group.cancelAll()
        }
    }

    /// Imports, and waits for the end.
    func run(_ call: ImportModel) async throws -> CatapultAPI.Operation { try await end(of: imports.start(call, Self.context)) }

    func runSync(dryRun: Bool? = nil, allowEmpty: Bool? = nil) async throws -> CatapultAPI.Operation {
        try await end(of: sync.start(SyncStorage(dryRun: dryRun, allowEmpty: allowEmpty), CoreFixture.context("sync_storage", .storage)))
    }

    func end(of operation: CatapultAPI.Operation) async throws -> CatapultAPI.Operation {
        var operation = operation
        while !operation.state.isTerminal {
            operation = try await operations.get(GetOperation(operationID: operation.id, wait: 30), Self.context)
        }
        return operation
    }

    func model(_ name: String) async throws -> Model { try await fixture.models.get(GetModel(modelID: name), Self.context) }

    func versions(of name: String) async throws -> [Version] {
        try await fixture.models.versions(ListModelVersions(modelID: name, limit: 100), Self.context).items
    }

    func files(_ version: String) async throws -> [VersionFile] {
        try await fixture.versions.files(ListVersionFiles(versionID: version), Self.context)
    }

    func write(_ bytes: [UInt8], _ path: String) throws {
        let url = URL(filePath: "\(fixture.storage.root)/\(path)")
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: url)
    }

    func read(_ path: String) -> [UInt8]? { FileManager.default.contents(atPath: "\(fixture.storage.root)/\(path)").map { Array($0) } }
}
