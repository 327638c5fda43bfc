import Catapult
import CatapultAPI
import ContainerEngine
import Foundation
import Subprocess
import Synchronization
import Testing

/// A real server of a test's own: temporary folders, a range of ports, the process. It can be killed and started again on the same data.
final class TestServer: Sendable {
    /// Everything that belongs to it on disk.
    let folder: String
    /// The server's data directory.
    let data: String
    /// The ports of its deployments.
    let ports: ClosedRange<Int>
    /// The engine that it works with.
    let engine: ContainerEngine
    private let mark: String
    private let options: [String]
    private let environment: [String: String]
    private let process = Mutex<ServerProcess?>(nil)

    private static let lastPort = Mutex(20_000 + Int(getpid()) % 200 * 50)

    private init(engine: ContainerEngine, data: String?, ports: ClosedRange<Int>?, options: [String], environment: [String: String]) throws
    {
        self.engine = engine
        mark = "it-" + UUID().uuidString.lowercased().prefix(8)
        folder = FileManager.default.temporaryDirectory.appending(path: "catapult-\(mark)").path
        self.data = data ?? "\(folder)/data"
        self.ports = ports ?? Self.freshPorts(20)
        self.options = options
        self.environment = environment
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    /// A range of ports that no other server of this run has.
    static func freshPorts(_ count: Int) -> ClosedRange<Int> {
        lastPort.withLock { last in
            defer { last += count }
            return last + 1...last + count
        }
    }

    /// Starts a server, hands it to `body`, and takes away whatever came of it: process, containers, images, folders.
    ///
    /// - Parameters:
    ///   - data: a data directory elsewhere than in the server's own folder; it is the caller's to remove.
    ///   - ports: the range of deployment ports; a fresh one when nil.
    ///   - options: further options of `catapult-server`.
    ///   - isStarted: whether the server runs when `body` gets it.
    static func run<Result: Sendable>(
        data: String? = nil, ports: ClosedRange<Int>? = nil, options: [String] = [], environment: [String: String] = [:],
        isStarted: Bool = true,
        _ body: (TestServer) async throws -> Result
    ) async throws -> Result {
        try await ContainerEngine.withEngine(.fromEnvironment()) { engine in
            let server = try TestServer(engine: engine, data: data, ports: ports, options: options, environment: environment)
            do {
                if isStarted { try await server.start() }
                let result = try await body(server)
                try await server.cleanUp()
                return result
            } catch {
                try? await server.cleanUp()
                throw error
            }
        }
    }

    // MARK: The process

    /// Where it listens in this run.
    var url: String { process.withLock { $0?.url ?? "http://127.0.0.1:1" } }

    /// Starts the process; after ``kill()`` or ``stop()`` on the same data.
    func start() async throws {
        let started = try await ServerProcess.start(commandLine, environment: environment, log: "\(folder)/server.log")
        process.withLock { $0 = started }
    }

    /// Starts the process and kills it as soon as `isTime`, perhaps before it listens; says whether it listened.
    func startAndKill(when isTime: @escaping @Sendable () throws -> Bool) async throws -> Bool {
        try await ServerProcess.startAndKill(commandLine, environment: environment, log: "\(folder)/server.log", when: isTime)
    }

    private var commandLine: [String] {
        get throws {
            let standing = [
                "--port", "0", "--data-dir", data, "--deployment-ports", "\(ports.lowerBound)-\(ports.upperBound)", "--base-image",
                try TestMachine.baseImage,
            ]
            let templates = options.contains("--templates") ? [] : ["--templates", TestMachine.templates]
            // Servers on one database tell each other apart by this.
            let advertised = options.contains("--database-url") ? ["--advertise-url", "http://\(name("server"))"] : []
            return standing + templates + advertised + options
        }
    }

    /// SIGKILL: nothing is finished, nothing is written.
    func kill() async throws { _ = try await end(.kill) }

    /// SIGTERM, and the server's own way to its end.
    @discardableResult
    func stop() async throws -> TerminationStatus { try await #require(end(.terminate)) }

    /// SIGSTOP: it stands still, and knows nothing of it.
    func freeze() throws { try process.withLock { try $0?.send(.suspend) } }

    /// Lets it go on after ``freeze()``.
    func thaw() throws { try process.withLock { try $0?.send(.resume) } }

    private func end(_ signal: Signal) async throws -> TerminationStatus? {
        guard let running = process.withLock({ $0 }) else { return nil }
        try running.send(signal)
        let status = try await running.end()
        process.withLock { $0 = nil }
        return status
    }

    // MARK: Clients

    /// The key in `admin.key`.
    var adminKey: String {
        get throws { try String(contentsOfFile: "\(data)/admin.key", encoding: .utf8).trimmingCharacters(in: .newlines) }
    }

    /// A client with the admin's key that asks once and no more.
    var client: CatapultClient { get throws { try client(key: adminKey) } }

    /// A client with a key.
    func client(key: String?) throws -> CatapultClient {
        var options = CatapultClient.Options()
        options.retry = .never
        return try CatapultClient(url: ServerURL(url), apiKey: key, options: options)
    }

    /// Sends a call as the admin.
    @discardableResult
    func send<Call: APICall>(_ call: Call) async throws -> Call.Output { try await client.send(call) }

    // MARK: Names

    /// A name that no other test uses: what is called so on the engine is ours to remove.
    func name(_ text: String) -> String { "\(mark)-\(text)" }

    /// This server's containers, those that ended included.
    func containers() async throws -> [ContainerSummary] {
        let instance = try String(contentsOfFile: "\(data)/instance", encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
        return try await engine.containers.list(labels: ["catapult.instance": instance])
    }

    /// The containers of the engine's own that run a build step in which this server's mark stands.
    func buildContainers() async throws -> [String] {
        var found: [String] = []
        for container in try await engine.containers.list() {
            // Others come and go while we look.
            guard let inspection = try? await engine.containers.inspect(container.id) else { continue }
            if inspection.command.contains(where: { $0.contains(mark) }) { found.append(container.id) }
        }
        return found
    }

    // MARK: Clean-up

    private func cleanUp() async throws {
        _ = try? await end(.kill)
        for container in (try? await containers()) ?? [] { try? await engine.containers.remove(container.id, force: true, volumes: true) }
        for container in try await buildContainers() { try? await engine.containers.remove(container, force: true) }
        for image in try await engine.images.list(references: ["\(mark)-*", "\(mark)-*/*"]) {
            _ = try? await engine.images.remove(image.id, force: true)
        }
        try await removeRemains()
        if let log = try? Data(contentsOf: URL(filePath: "\(folder)/server.log")) {
            Attachment.record(String(decoding: log, as: UTF8.self), named: "\(mark)-server.log")
        }
        try FileManager.default.removeItem(atPath: folder)
    }

    /// Images without a name that builds left behind when they failed or were cut off.
    private func removeRemains() async throws {
        for image in try await engine.images.list(dangling: true) {
            guard let steps = try? await engine.images.history(of: image.id), steps.contains(where: { $0.createdBy.contains(mark) }) else {
                continue
            }
            _ = try? await engine.images.remove(image.id)
        }
    }
}
