import CatapultAPI
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import SQLDatabase

@testable import CatapultServer

/// A server's floor without an engine: a database in a temporary folder, access, registry, environments, operations and HTTP.
struct CoreFixture {
    let directory: String
    let database: Database
    let signals = ChangeSignals()
    let logs: LogFiles
    let storage: StoragePaths
    let authenticator: Authenticator
    let keys: KeyService
    let router: Router<HTTPContext>
    let routes: CallRoutes
    let adminKey: String
    static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// The caller that tests act as where no HTTP is involved.
    static func context(_ action: String = "test", _ kind: ResourceKind = .model) -> CallContext {
        CallContext(
            caller: Caller(keyID: "0", name: "tester", role: .admin, scope: .everything), scope: .everything, requestID: "request",
            address: "127.0.0.1", face: "rest",
            action: AuditAction(action, kind), logger: logger)
    }

    /// Runs a test with a fixture, and removes its folder afterwards.
    static func with(_ body: (CoreFixture) async throws -> Void) async throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("catapult-core-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let fixture = try await CoreFixture(directory: directory)
        do {
            try await body(fixture)
        } catch {
            try? await fixture.database.close()
            throw error
        }
        try await fixture.database.close()
    }

    private init(directory: String) async throws {
        self.directory = directory
        database = try await Database.open(
            .init(location: .sqlite(path: "\(directory)/test.sqlite")), migrations: Migrations.all, logger: Self.logger,
            lastStep: SearchIndexer.finish(signals))
        logs = try LogFiles(directory: "\(directory)/logs")
        storage = try StoragePaths(root: "\(directory)/storage")
        authenticator = Authenticator(database: database)
        keys = KeyService(database: database, authenticator: authenticator)
        guard case .created(let key) = try await AdminKey.ensure(given: nil, dataDirectory: directory, database: database) else {
            throw StartupErrorInTest()
        }
        adminKey = key
        router = Router(context: HTTPContext.self)
        router.add(middleware: RequestMiddleware())
        routes = CallRoutes(router: router, authenticator: authenticator, maximumBodySize: 64 << 10)
        RegistryRoutes.register(
            routes, models: ModelService(database: database, storage: storage),
            versions: VersionService(database: database, storage: storage), upload: FileUpload(database: database, storage: storage),
            deploymentsOfVersion: { _, _ in [] })
        SearchRoutes.register(routes, search: SearchService(database: database))
        RegistryRoutes.register(routes, life: VersionLifeService(database: database), lineage: LineageService(database: database))
        EnvironmentRoutes.register(routes, environments: EnvironmentService(database: database))
        AccessRoutes.register(routes, keys: keys, audit: AuditLog(database: database))
        routes.refuseOtherMethods()
    }

    var models: ModelService { ModelService(database: database, storage: storage) }
    var versions: VersionService { VersionService(database: database, storage: storage) }

    /// A model in the registry.
    func model(_ name: String = "gpt-model") async throws -> Model {
        try await models.create(CreateModel(name: name, storagePath: "models/\(name)"), Self.context("create_model"))
    }

    /// Requests against the router, with the admin's key unless another is given.
    func http(_ body: @Sendable (HTTPProbe) async throws -> Void) async throws {
        let key = adminKey
        try await Application(router: router).test(.router) { client in try await body(HTTPProbe(client: client, key: key)) }
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
