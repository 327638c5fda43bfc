import CatapultAPI
import ContainerEngine
import Gateway
import Glibc
import Hummingbird
import Logging
import NIOCore
import NIOPosix
import SQLDatabase
import ServiceLifecycle

/// All parts of one server, made and wired.
struct Server: Sendable {
    /// How long requests in flight may take once the server was told to stop.
    private static let drainLimit = Duration.seconds(30)

    private let configuration: ServerConfiguration
    private let logger: Logger
    let database: Database
    private let engine: ContainerEngine
    private let gateway: GatewayServer
    private let healthProbe: HealthProbe
    private let services: [any Service]
    /// What answers a request, without a connection.
    let responder: SlashedNames.Responder<RouterResponder<HTTPContext>>
    /// The names of the calls that are served: all of the catalogue, as a test sees to.
    let handledCalls: Set<String>

    init(_ configuration: ServerConfiguration, logger: Logger) async throws {
        self.configuration = configuration
        self.logger = logger
        let data = try DataDirectory(path: configuration.dataDirectory)
        let storage = try StoragePaths(root: configuration.storageRoot.map(DataDirectory.absolute) ?? "\(data.path)/storage")
        let outbox = SignalOutbox()
        let signals = configuration.databaseURL == nil ? ChangeSignals() : ChangeSignals(forward: outbox.put)
        database = try await Self.openDatabase(configuration, data, signals, logger)
        try await AuditLog.seal(database)
        let admin = try await AdminKey.ensure(given: configuration.adminKey, dataDirectory: data.path, database: database)
        Self.announce(admin, data)

        engine = try ContainerEngine(.fromEnvironment(), logger: logger)
        gateway = GatewayServer(logger: logger)
        healthProbe = HealthProbe()
        let engineProbe = EngineProbe(engine: engine)
        let gpus = GPUDetector()
        let leader = Leader(
            server: ServerIdentity(url: configuration.advertisedURL ?? "http://\(configuration.host):\(configuration.port)"),
            database: database, signals: signals, logger: logger)
        let logs = try LogFiles(directory: "\(data.path)/logs", notesGrowth: database.dialect == .postgresql)
        let sharedLogs = SharedLogs(files: logs, database: database, signals: signals, logger: logger)
        let deploymentLogs = try DeploymentLogFiles(directory: "\(data.path)/logs/deployments")
        let authenticator = Authenticator(database: database, failureLimit: configuration.admission.failedKeys)
        let ports = PortStore(range: configuration.deploymentPorts, host: configuration.deploymentHost)

        let blobs = try BlobStore(database: database, storage: storage)
        let uploadLimits = UploadLimits(maximumSize: configuration.maximumUploadSize, folder: storage.root)
        let templates = TemplateLibrary(directory: configuration.templatesDirectory, logger: logger)
        let images = BuildPlanner(templates: templates, storage: storage, signals: signals)
        let outgoing = OutgoingClient(policy: configuration.outgoing)
        let mlflow = MLflowService(database: database, client: outgoing)
        let runner = OperationRunner(
            database: database, signals: signals, logs: sharedLogs, leader: leader,
            handlers: [
                BuildOperation(
                    database: database, engine: engine, templates: templates, storage: storage, baseImages: configuration.baseImages),
                DeployOperation(database: database, signals: signals, images: images),
                VerifyOperation(database: database, blobs: blobs), GarbageOperation(database: database, blobs: blobs),
                MLflowOperation(database: database, service: mlflow),
                ImportOperation(
                    database: database, store: blobs, hub: HubClient(configuration.hub, policy: configuration.outgoing)),
                SyncOperation(database: database, store: blobs, directory: try storage.resolve(configuration.modelsDirectory)),
                PreprocessOperation(storage: storage, engine: engine),
            ],
            logger: logger)
        let controller = DeploymentController(
            parts: ControllerParts(
                database: database, engine: engine, gateway: gateway, probe: healthProbe, logs: deploymentLogs, signals: signals,
                leader: leader, ports: ports,
                instance: try await InstanceID.load(dataDirectory: data.path, database: database), policy: DeploymentPolicy(),
                resolvePath: { try storage.resolve($0) },
                logger: logger))
        var services: [any Service] = [
            SignalRelay(database: database, signals: signals, outbox: outbox, server: leader.server.id, logger: logger), leader,
            EndpointService(gateway: gateway), KeyUseRecorder(authenticator: authenticator, logger: logger), sharedLogs,
            StoreKeeper(database: database, blobs: blobs, wake: { runner.wake($0) }, logger: logger),
            SearchIndexer(database: database, signals: signals, logger: logger), controller, runner,
        ]
        if let interval = configuration.syncInterval {
            services.append(SyncSchedule(database: database, interval: interval, wake: { runner.wake($0) }, logger: logger))
        }
        self.services = services

        let deployments = DeploymentService(
            database: database, signals: signals, runner: runner,
            planner: DeploymentPlanner(engine: engine, images: images, storage: storage, gpus: { await gpus.inventory() }), ports: ports,
            logs: deploymentLogs, probe: healthProbe, leader: leader)
        let router = Router(context: HTTPContext.self)
        router.add(middleware: CORSMiddleware(policy: configuration.cors))
        router.add(middleware: RequestMiddleware())
        let audit = AuditLog(database: database)
        let routes = CallRoutes(
            router: router, gate: RequestGate(authenticator: authenticator, policy: configuration.admission), audit: audit,
            maximumBodySize: configuration.maximumBodySize)
        RegistryRoutes.register(
            routes, models: ModelService(database: database, storage: storage),
            versions: VersionService(
                database: database, storage: storage, blobs: blobs, autoBuilder: .building(with: images, probe: engineProbe),
                wake: { runner.wake($0) }),
            upload: FileUpload(
                database: database, storage: storage, files: VersionFileBytes(blobs: blobs), limits: uploadLimits),
            deploymentsOfVersion: { try await deployments.list($0, $1) })
        ArtifactRoutes.register(
            routes, artifacts: ArtifactService(database: database, storage: storage, blobs: blobs),
            receiver: ArtifactReceiver(database: database, blobs: blobs, limits: uploadLimits),
            uploads: UploadService(database: database, storage: storage, blobs: blobs, limits: uploadLimits),
            sources: ArtifactSources(storage: storage), care: ArtifactCare(database: database, runner: runner))
        SearchRoutes.register(routes, search: SearchService(database: database))
        RegistryRoutes.register(routes, life: VersionLifeService(database: database), lineage: LineageService(database: database))
        let preprocessing = PreprocessService(
            database: database, storage: storage, engine: engine, gpus: { await gpus.inventory() }, wake: { runner.wake(.preprocess) })
        routes.handle(PreprocessModel.self) { try await preprocessing.start($0, $1) }
        MLflowRoutes.register(routes, mlflow)
        ImportRoutes.register(
            routes, imports: ImportService(database: database, storage: storage, wake: { runner.wake($0) }),
            sync: SyncService(database: database, wake: { runner.wake($0) }))
        EnvironmentRoutes.register(routes, environments: EnvironmentService(database: database))
        BuildRoutes.register(
            routes,
            builds: BuildService(
                database: database, planner: images, probe: engineProbe, runner: runner, signals: signals, logs: sharedLogs))
        DeploymentRoutes.register(routes, deployments: deployments)
        OperationRoutes.register(
            routes, operations: OperationService(database: database, runner: runner, signals: signals, logs: sharedLogs))
        AccessRoutes.register(
            routes, keys: KeyService(database: database, authenticator: authenticator), audit: audit)
        SystemRoutes.register(
            routes,
            system: SystemService(
                database: database, storage: storage, environmentName: configuration.environmentName, engine: engine, probe: engineProbe,
                gpus: gpus))
        routes.refuseOtherMethods()
        DocumentRoutes.register(router)
        handledCalls = routes.handled
        responder = SlashedNames.Responder(next: router.buildResponder())
    }

    /// Serves until SIGTERM or SIGINT.
    func run() async throws {
        let logger = logger
        let http = Application(
            responder: responder,
            configuration: .init(address: .hostname(configuration.host, port: configuration.port), serverName: "Catapult"),
            onServerRunning: { channel in Self.announce(channel, logger) },
            logger: logger)
        // Services stop in reverse order: first no new requests, then the workers.
        let group = ServiceGroup(
            configuration: {
                var group = ServiceGroupConfiguration(
                    services: services.map { .init(service: $0) } + [.init(service: http)], gracefulShutdownSignals: [.sigterm, .sigint],
                    logger: logger)
                group.maximumGracefulShutdownDuration = Self.drainLimit
                return group
            }())
        do {
            try await group.run()
        } catch let error as IOError where error.errnoCode == EADDRINUSE || error.errnoCode == EADDRNOTAVAIL || error.errnoCode == EACCES {
            await close()
            throw StartupError(
                "Cannot listen on \(configuration.host):\(configuration.port): \(String(cString: strerror(error.errnoCode))). "
                    + "Choose another address with --host and --port.")
        } catch {
            await close()
            throw error
        }
        await close()
    }

    func close() async {
        _ = await gateway.shutdown(graceDeadline: .now + EndpointService.grace)
        try? await healthProbe.shutdown()
        try? await engine.shutdown()
        try? await database.close()
        logger.info("stopped")
    }

    private static func openDatabase(
        _ configuration: ServerConfiguration, _ data: DataDirectory, _ signals: ChangeSignals, _ logger: Logger
    ) async throws -> Database {
        do {
            let location = try configuration.databaseURL.map { try Database.Configuration(url: $0) }
            return try await Database.open(
                location ?? Database.Configuration(location: .sqlite(path: "\(data.path)/catapult.sqlite")), migrations: Migrations.all,
                logger: logger, lastStep: SearchIndexer.finish(signals))
        } catch let error as DatabaseError {
            throw StartupError("Cannot open the database: \(error)")
        }
    }

    /// The new admin key goes to standard output, once; never into a log.
    private static func announce(_ outcome: AdminKey.Outcome, _ data: DataDirectory) {
        switch outcome {
        case .created(let key): say("Admin key, shown once: \(key)\nIt is also in \(data.path)/admin.key, readable by you alone.")
        case .set: say("The admin key was set from CATAPULT_ADMIN_KEY.")
        case .unchanged: break
        }
    }

    private static func announce(_ channel: any Channel, _ logger: Logger) {
        guard let address = channel.localAddress, let port = address.port else { return }
        let host = address.ipAddress.map { $0.contains(":") ? "[\($0)]" : $0 } ?? "127.0.0.1"
        say("Catapult \(CatapultVersion.current) listens on http://\(host):\(port)")
        logger.info("listening", metadata: ["host": "\(host)", "port": "\(port)"])
    }

    private static func say(_ text: String) {
        let bytes = Array("\(text)\n".utf8)
        _ = write(STDOUT_FILENO, bytes, bytes.count)
    }
}
