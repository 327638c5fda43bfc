import CatapultAPI
import DatabaseTesting
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import SQLDatabase

@testable import CatapultServer

/// A server's floor without an engine: a database in a temporary folder, access, registry, environments, operations and HTTP.
struct CoreFixture: Sendable {
    let directory: String
    let database: Database
    let signals: ChangeSignals
    let logs: LogFiles
    let storage: StoragePaths
    let authenticator: Authenticator
    let keys: KeyService
    let adminKey: String
    private let responder: RouterResponder<HTTPContext>
    let blobs: BlobStore
    let runner: OperationRunner
    static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// The caller that tests act as where no HTTP is involved.
    static func context(_ action: String = "test", _ kind: ResourceKind = .model) -> CallContext {
        CallContext(
            caller: Caller(keyID: "0", name: "tester", role: .admin, scope: .everything), scope: .everything, requestID: "request",
            address: "127.0.0.1", face: "rest",
            action: AuditAction(action, kind), logger: logger)
    }

    /// Runs a test with a fixture, once on each database, and removes its folder and database afterwards.
    static func with(on databases: [TestDatabase] = TestDatabase.all, _ body: (CoreFixture) async throws -> Void) async throws {
        for kind in databases {
            let signals = ChangeSignals()
            try await kind.open(signals) { database, directory in
                try await body(try await CoreFixture(directory: directory, database: database, signals: signals))
            }
        }
    }

    private init(directory: String, database: Database, signals: ChangeSignals) async throws {
        self.directory = directory
        self.signals = signals
        self.database = database
        logs = try LogFiles(directory: "\(directory)/logs")
        storage = try StoragePaths(root: "\(directory)/storage")
        blobs = try BlobStore(database: database, storage: storage)
        runner = OperationRunner(
            database: database, signals: signals, logs: SharedLogs(files: logs, database: database, signals: signals, logger: Self.logger),
            leader: .alone(database, signals),
            handlers: [VerifyOperation(database: database, blobs: blobs), GarbageOperation(database: database, blobs: blobs)],
            logger: Self.logger)
        authenticator = Authenticator(database: database)
        keys = KeyService(database: database, authenticator: authenticator)
        guard case .created(let key) = try await AdminKey.ensure(given: nil, dataDirectory: directory, database: database) else {
            throw StartupErrorInTest()
        }
        adminKey = key
        let router = Router(context: HTTPContext.self)
        router.add(middleware: RequestMiddleware())
        let routes = CallRoutes(
            router: router, gate: RequestGate(authenticator: authenticator), audit: AuditLog(database: database),
            maximumBodySize: 64 << 10)
        RegistryRoutes.register(
            routes, models: ModelService(database: database, storage: storage),
            versions: VersionService(database: database, storage: storage, blobs: blobs),
            upload: FileUpload(
                database: database, storage: storage, files: VersionFileBytes(blobs: blobs),
                limits: UploadLimits(maximumSize: nil, folder: storage.root)),
            deploymentsOfVersion: { _, _ in [] })
        let limits = UploadLimits(maximumSize: 16 << 20, folder: storage.root)
        ArtifactRoutes.register(
            routes, artifacts: ArtifactService(database: database, storage: storage, blobs: blobs),
            receiver: ArtifactReceiver(database: database, blobs: blobs, limits: limits),
            uploads: UploadService(database: database, storage: storage, blobs: blobs, limits: limits),
            sources: ArtifactSources(storage: storage), care: ArtifactCare(database: database, runner: runner))
        SearchRoutes.register(routes, search: SearchService(database: database))
        RegistryRoutes.register(routes, life: VersionLifeService(database: database), lineage: LineageService(database: database))
        EnvironmentRoutes.register(routes, environments: EnvironmentService(database: database))
        AccessRoutes.register(routes, keys: keys, audit: AuditLog(database: database))
        routes.refuseOtherMethods()
        responder = router.buildResponder()
    }

    /// A server that leads, as the only one there is.
    var leader: Leader { .alone(database, signals) }
    var sharedLogs: SharedLogs { SharedLogs(files: logs, database: database, signals: signals, logger: Self.logger) }

    var models: ModelService { ModelService(database: database, storage: storage) }
    var versions: VersionService { VersionService(database: database, storage: storage, blobs: blobs) }

    /// A model in the registry.
    func model(_ name: String = "gpt-model") async throws -> Model {
        try await models.create(CreateModel(name: name, storagePath: "models/\(name)"), Self.context("create_model"))
    }

    /// Requests with the admin's key unless another is given: against the router, or over real connections.
    func http(over sockets: Bool = false, _ body: @Sendable (HTTPProbe) async throws -> Void) async throws {
        let key = adminKey
        try await Application(responder: responder, configuration: .init(address: .hostname("127.0.0.1", port: 0))).test(
            sockets ? .live : .router
        ) { client in try await body(HTTPProbe(client: client, key: key)) }
    }
}

struct StartupErrorInTest: Error {}

/// Sends requests and reads JSON answers.
struct HTTPProbe: Sendable {
    let client: any TestClientProtocol
    let key: String?

    struct Answer: Sendable {
        let status: Int
        let headers: HTTPFields
        let json: JSONValue
        var detail: String { json["detail"]?.stringValue ?? "" }
    }

    func with(key: String?) -> HTTPProbe { HTTPProbe(client: client, key: key) }

    func send(_ method: HTTPRequest.Method, _ path: String, _ body: String? = nil, headers: HTTPFields = [:]) async throws -> Answer {
        var headers = headers
        if let key { headers[.apiKey] = key }
        let response = try await client.executeRequest(
            uri: path, method: method, headers: headers, body: body.map { ByteBuffer(string: $0) })
        let bytes = Array(buffer: response.body)
        return Answer(status: response.status.code, headers: response.headers, json: (try? JSONParser.parse(bytes)) ?? .null)
    }
}
