import ArgumentParser
import CatapultAPI
import CatapultServer
import Foundation
import Logging

/// Starts a server. Everything can be said by flag or by environment variable; the flag wins.
@main
struct CatapultServerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "catapult-server",
        abstract: "The Catapult server: registers, builds, deploys and measures AI models.",
        discussion: """
            Every option has an environment variable, named in brackets; the option wins.
            The first start makes an admin key, prints it once and writes it to admin.key in the data directory.
            CATAPULT_ADMIN_KEY sets that key. docs/guides/api-keys.md has the settings of access: rate limits, reading without a key,
            trusted proxies, CORS. DOCKER_HOST says where the container engine listens.
            SIGTERM stops gracefully: requests in flight are finished, operations go on at the next start, replicas keep running.
            """,
        version: "Catapult \(CatapultVersion.current)",
        subcommands: [Backup.self, Restore.self]
    )

    @Option(help: "Address to listen on. [CATAPULT_HOST]")
    var host = Setting.text("CATAPULT_HOST") ?? "127.0.0.1"

    @Option(help: "Port to listen on; 0 takes a free one. [CATAPULT_PORT] (default: 8080)")
    var port: Int?

    @OptionGroup var database: DatabaseOptions

    @Option(help: ArgumentHelp("Folder of the model files. [STORAGE_ROOT] (default: storage in the data directory)", valueName: "path"))
    var storageRoot: String?

    @Option(help: ArgumentHelp("Folder of the build templates. [CATAPULT_TEMPLATES] (default: beside the program)", valueName: "path"))
    var templates: String?

    @Option(
        help: ArgumentHelp(
            "Base image of builds that do not name one, or template=image pairs. [BASE_IMAGE] (default: the template's)", valueName: "image"
        ))
    var baseImage: String?

    @Option(help: "Ports of deployments, first-last. [CATAPULT_DEPLOYMENT_PORTS]")
    var deploymentPorts = Setting.text("CATAPULT_DEPLOYMENT_PORTS") ?? "9000-9999"

    @Option(help: "Address on which deployments listen. [CATAPULT_DEPLOYMENT_HOST]")
    var deploymentHost = Setting.text("CATAPULT_DEPLOYMENT_HOST") ?? "127.0.0.1"

    @Option(
        name: .customLong("advertise-url"),
        help: ArgumentHelp(
            "Where clients of other servers on the same database reach this one. [CATAPULT_ADVERTISE_URL] (default: http://host:port)",
            valueName: "url"))
    var advertisedURL: String?

    @Option(
        help: ArgumentHelp("Name of this installation, as /api/v1/info tells it. [ENVIRONMENT] (default: development)", valueName: "name"))
    var environmentName: String?

    @Option(
        help: ArgumentHelp(
            "Largest file that is taken over the network, such as 200Gi. [CATAPULT_MAX_UPLOAD_SIZE] (default: no limit)", valueName: "size")
    )
    var maxUploadSize: String?

    @Option(
        help: ArgumentHelp(
            "Hosts and address ranges of private networks that users may name, for MLflow or a hub of one's own. [CATAPULT_ALLOWED_HOSTS]",
            valueName: "list"))
    var allowedHosts: String?

    @Option(
        name: .customLong("hub"),
        help: ArgumentHelp(
            "Address of the hub that models are imported from; its key is taken from HF_TOKEN. [HF_ENDPOINT] (default: the public one)",
            valueName: "url"))
    var hubEndpoint: String?

    @Option(
        help: ArgumentHelp(
            "Import only models of these licenses, such as apache-2.0,mit. [CATAPULT_ALLOWED_LICENSES] (default: all)",
            valueName: "list"))
    var allowedLicenses: String?

    @Option(
        help: ArgumentHelp(
            "Folder beneath the storage root whose folders `mcp model sync` registers. [CATAPULT_MODELS_DIR] (default: models)",
            valueName: "path"))
    var modelsDir: String?

    @Option(
        help: ArgumentHelp(
            "Seconds between syncs that the server does by itself, the first at its start. [CATAPULT_SYNC_INTERVAL] (default: none)",
            valueName: "seconds"))
    var syncInterval: Int?

    @Option(help: "trace, debug, info, notice, warning, error or critical. [LOG_LEVEL] (default: info)")
    var logLevel: Logger.Level?

    func validate() throws {
        _ = try chosenPort()
        _ = try chosenLogLevel()
        _ = try chosenBaseImages()
        _ = try portRange()
        _ = try chosenUploadSize()
        _ = try outgoingPolicy()
        _ = try hubConfiguration()
        _ = try chosenSyncInterval()
    }

    private func hubConfiguration() throws -> HubConfiguration {
        var hub =
            try Setting.value("HF_ENDPOINT", allowed: HubConfiguration.allowedEndpoint) { HubConfiguration(endpoint: $0) }
            ?? HubConfiguration()
        if let hubEndpoint {
            guard let chosen = HubConfiguration(endpoint: hubEndpoint) else {
                throw ValidationError("--hub must be \(HubConfiguration.allowedEndpoint), but is '\(hubEndpoint)'.")
            }
            hub = chosen
        }
        if let token = Setting.text("HF_TOKEN") {
            guard token.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
                throw ValidationError("HF_TOKEN must be one word of ASCII characters; perhaps a line end was read with it.")
            }
            hub.token = token
        }
        hub.allowedLicenses = (allowedLicenses ?? Setting.text("CATAPULT_ALLOWED_LICENSES")).map { list in
            Set(list.lowercased().split { $0 == "," || $0 == " " }.map(String.init))
        }
        return hub
    }

    private func chosenSyncInterval() throws -> Duration? {
        if let syncInterval, syncInterval < 10 {
            throw ValidationError("--sync-interval must be at least 10 seconds, but is \(syncInterval).")
        }
        return try
            (syncInterval
            ?? Setting.value("CATAPULT_SYNC_INTERVAL", allowed: "a number of seconds, at least 10") { text in
                Int(text).flatMap { $0 >= 10 ? $0 : nil }
            })
            .map { .seconds($0) }
    }

    private func outgoingPolicy() throws -> OutgoingPolicy {
        guard let allowedHosts else {
            return try Setting.value("CATAPULT_ALLOWED_HOSTS", allowed: OutgoingPolicy.allowed) { OutgoingPolicy(allowedHosts: $0) }
                ?? OutgoingPolicy()
        }
        guard let policy = OutgoingPolicy(allowedHosts: allowedHosts) else {
            throw ValidationError("--allowed-hosts must be \(OutgoingPolicy.allowed), but is '\(allowedHosts)'.")
        }
        return policy
    }

    private func chosenPort() throws -> Int {
        if let port {
            guard (0...65_535).contains(port) else { throw ValidationError("--port must be from 0 to 65535, but is \(port).") }
            return port
        }
        return try Setting.value("CATAPULT_PORT", allowed: "a port from 0 to 65535") { text in
            Int(text).flatMap { (0...65_535).contains($0) ? $0 : nil }
        } ?? 8080
    }

    private func chosenLogLevel() throws -> Logger.Level {
        let levels = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
        return try logLevel ?? Setting.value("LOG_LEVEL", allowed: "one of \(levels)") { Logger.Level(rawValue: $0.lowercased()) } ?? .info
    }

    private func chosenBaseImages() throws -> BaseImages {
        guard let baseImage else { return try Setting.value("BASE_IMAGE", allowed: BaseImages.allowed) { BaseImages($0) } ?? BaseImages() }
        guard let images = BaseImages(baseImage) else {
            throw ValidationError("--base-image must be \(BaseImages.allowed), but is '\(baseImage)'.")
        }
        return images
    }

    private func chosenUploadSize() throws -> Int64? {
        guard let maxUploadSize else {
            return try Setting.value("CATAPULT_MAX_UPLOAD_SIZE", allowed: TextRule.byteCount.words) { ByteCount($0)?.bytes }
        }
        guard let size = ByteCount(maxUploadSize)?.bytes else {
            throw ValidationError("--max-upload-size must be \(TextRule.byteCount.words), but is '\(maxUploadSize)'.")
        }
        return size
    }

    private func portRange() throws -> ClosedRange<Int> {
        let parts = deploymentPorts.split(separator: "-").map { Int($0) }
        guard parts.count == 2, let first = parts[0], let last = parts[1], (1...65_535).contains(first), (first...65_535).contains(last)
        else {
            throw ValidationError("--deployment-ports must be first-last, such as 9000-9999, but is '\(deploymentPorts)'.")
        }
        return first...last
    }

    func run() async throws {
        let level = try chosenLogLevel()
        LoggingSystem.bootstrap { label in
            var handler = JSONLogHandler(label: label)
            handler.logLevel = level
            return handler
        }
        var configuration = ServerConfiguration(
            dataDirectory: database.dataDir,
            templatesDirectory: templates ?? Setting.text("CATAPULT_TEMPLATES") ?? ServerConfiguration.templatesBesideProgram())
        configuration.host = host
        configuration.port = try chosenPort()
        configuration.databaseURL = database.url
        configuration.storageRoot = storageRoot ?? Setting.text("STORAGE_ROOT")
        configuration.baseImages = try chosenBaseImages()
        configuration.maximumUploadSize = try chosenUploadSize()
        configuration.deploymentPorts = try portRange()
        configuration.deploymentHost = deploymentHost
        configuration.advertisedURL = advertisedURL ?? Setting.text("CATAPULT_ADVERTISE_URL")
        configuration.hub = try hubConfiguration()
        configuration.modelsDirectory = modelsDir ?? Setting.text("CATAPULT_MODELS_DIR") ?? configuration.modelsDirectory
        configuration.syncInterval = try chosenSyncInterval()
        configuration.outgoing = try outgoingPolicy()
        configuration.adminKey = Setting.text("CATAPULT_ADMIN_KEY")
        configuration.environmentName = environmentName ?? Setting.text("ENVIRONMENT") ?? configuration.environmentName
        do {
            try configuration.takeAccessSettings { Setting.text($0) }
            try await CatapultApplication.run(configuration, logger: Logger(label: "catapult"))
        } catch let error as StartupError {
            FileHandle.standardError.write(Data("error: \(error.description)\n".utf8))
            throw ExitCode.failure
        }
    }
}

extension Logger.Level: @retroactive ExpressibleByArgument {}
