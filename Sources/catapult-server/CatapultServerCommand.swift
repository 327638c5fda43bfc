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
            CATAPULT_ADMIN_KEY sets that key. DOCKER_HOST says where the container engine listens.
            SIGTERM stops gracefully: requests in flight are finished, operations go on at the next start, replicas keep running.
            """,
        version: "Catapult \(CatapultVersion.current)"
    )

    @Option(help: "Address to listen on. [CATAPULT_HOST]")
    var host = Setting.text("CATAPULT_HOST") ?? "127.0.0.1"

    @Option(help: "Port to listen on; 0 takes a free one. [CATAPULT_PORT] (default: 8080)")
    var port: Int?

    @Option(help: ArgumentHelp("Folder for database, admin key and logs. [CATAPULT_DATA_DIR]", valueName: "path"))
    var dataDir = Setting.text("CATAPULT_DATA_DIR") ?? "./catapult-data"

    @Option(
        help: ArgumentHelp("Database, as sqlite:///path. [DATABASE_URL] (default: catapult.sqlite in the data directory)", valueName: "url")
    )
    var databaseURL: String?

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
        help: ArgumentHelp("Name of this installation, as /api/v1/info tells it. [ENVIRONMENT] (default: development)", valueName: "name"))
    var environmentName: String?

    @Option(help: "trace, debug, info, notice, warning, error or critical. [LOG_LEVEL] (default: info)")
    var logLevel: Logger.Level?

    func validate() throws {
        _ = try chosenPort()
        _ = try chosenLogLevel()
        _ = try chosenBaseImages()
        _ = try portRange()
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
            dataDirectory: dataDir,
            templatesDirectory: templates ?? Setting.text("CATAPULT_TEMPLATES") ?? ServerConfiguration.templatesBesideProgram())
        configuration.host = host
        configuration.port = try chosenPort()
        configuration.databaseURL = databaseURL ?? Setting.text("DATABASE_URL")
        configuration.storageRoot = storageRoot ?? Setting.text("STORAGE_ROOT")
        configuration.baseImages = try chosenBaseImages()
        configuration.deploymentPorts = try portRange()
        configuration.deploymentHost = deploymentHost
        configuration.adminKey = Setting.text("CATAPULT_ADMIN_KEY")
        configuration.environmentName = environmentName ?? Setting.text("ENVIRONMENT") ?? configuration.environmentName
        do {
            try await CatapultApplication.run(configuration, logger: Logger(label: "catapult"))
        } catch let error as StartupError {
            FileHandle.standardError.write(Data("error: \(error.description)\n".utf8))
            throw ExitCode.failure
        }
    }
}

extension Logger.Level: @retroactive ExpressibleByArgument {}
