import CatapultAPI
import ContainerEngine
import SQLDatabase

/// What a deployment needs of this host and of the engine, checked before anything is stored.
struct DeploymentPlanner: Sendable {
    /// The least memory that the engine takes as a limit.
    private static let leastMemory: Int64 = 6 << 20

    let engine: ContainerEngine
    let images: any ImageBuilding
    let storage: StoragePaths
    /// The GPUs of this host.
    let gpus: @Sendable () async -> GPUInventory

    /// The image of a deployment.
    struct Image: Sendable {
        var tag: String?
        /// Nil where it has yet to be built.
        var digest: String?
        var build: Build?
        var template: Template
    }

    // MARK: Engine

    /// - Throws: 503 when the engine does not answer.
    func requireEngine() async throws { try await EngineProbe(engine: engine).require() }

    // MARK: Image

    /// The image to run: the one that is named, that of the build that is named, or the newest of the version; nil where there is none.
    func image(
        tag: String?, buildID: String?, version: Version, scope: KeyScope, database: Database
    ) async throws -> Image? {
        if let tag {
            // An image that only other models have would show a limited key what lies outside of its scope.
            let isForeign = try await database.read { [images] in try images.isForeign(tag, to: scope, in: $0) }
            guard !isForeign else { throw Self.imageNotFound(tag, "the container engine has no image of this name") }
            return try await namedImage(tag)
        }
        if let buildID {
            let build = try await database.read { [images] in try images.build(buildID, for: scope, in: $0) }
            guard build.versionID == version.id else {
                throw CatapultError.invalid(
                    field: "docker_build_id", "the build \(buildID) is of another version than \(version.modelName):\(version.version)",
                    hint: "List the version's builds with `mcp build list --version \(version.modelName):\(version.version)`.")
            }
            guard build.status == .success, let digest = build.imageDigest else {
                throw CatapultError.invalid(
                    field: "docker_build_id", "the build \(buildID) is \(build.status.rawValue), only a successful one has an image")
            }
            guard try await exists(digest) else { throw Self.imageNotFound(build.imageTag, "its image has been removed") }
            return Image(tag: build.imageTag, digest: digest, build: build, template: images.template(of: build))
        }
        guard let build = try await database.read({ [images] in try images.newestImage(ofVersion: version.id, in: $0) }),
            let digest = build.imageDigest, try await exists(digest)
        else { return nil }
        return Image(tag: build.imageTag, digest: digest, build: build, template: images.template(of: build))
    }

    private func namedImage(_ tag: String) async throws -> Image {
        let found: EngineImage
        do {
            found = try await engine.images.inspect(tag)
        } catch let error as ContainerEngineError where error.isNotFound {
            throw Self.imageNotFound(tag, "the container engine has no image of this name")
        }
        var template = images.template(of: nil)
        // An image that says where it listens is believed.
        let ports = found.exposedPorts.compactMap { $0.hasSuffix("/tcp") ? Int($0.dropLast(4)) : nil }
        if ports.count == 1, let port = ports.first { template.port = port }
        return Image(tag: tag, digest: found.id, build: nil, template: template)
    }

    private func exists(_ digest: String) async throws -> Bool {
        do {
            _ = try await engine.images.inspect(digest)
            return true
        } catch let error as ContainerEngineError where error.isNotFound {
            return false
        }
    }

    static func imageNotFound(_ name: String, _ reason: String) -> CatapultError {
        CatapultError(
            status: 404, code: "docker_image_not_found", type: "DockerImageNotFoundError",
            message: "Docker image not found: \(name): \(reason)",
            field: "image_tag", hint: "Build it with `mcp build create`, or deploy with build_if_missing.",
            details: ["image_tag": .string(name)])
    }

    // MARK: Resources

    /// GPUs per replica that a call asks for, else what the environment gives.
    static func gpusPerReplica(_ call: ExecuteDeployment, _ environment: Environment?) -> Int {
        let ofEnvironment = environment?.type == .gpu ? environment?.resources.gpu ?? 1 : 0
        switch call.gpuEnabled {
        case false?: return 0
        case true?: return call.gpuCount ?? max(ofEnvironment, 1)
        case nil: return call.gpuCount ?? ofEnvironment
        }
    }

    /// Holds a replica against what this host has.
    /// - Throws: 400 for a limit that no engine takes, 409 with the numbers for what does not fit.
    func checkLimits(memory: String?, cpu: Double?) async throws {
        guard memory != nil || cpu != nil else { return }
        let host = try await engine.system.info()
        if let memory, let wanted = ByteCount(memory)?.bytes {
            guard wanted >= Self.leastMemory else {
                throw CatapultError.invalid(
                    field: "memory_limit", "a memory limit must be at least \(ByteCount.text(Self.leastMemory)), but is \(memory)")
            }
            guard wanted <= host.memoryBytes else {
                throw Self.insufficient(
                    "memory",
                    "A replica with \(ByteCount.text(wanted)) does not fit: this host has \(ByteCount.text(host.memoryBytes)) of memory.",
                    needed: wanted, present: host.memoryBytes, inUse: nil,
                    hint: "Ask for less with --memory, or change the environment's resources.")
            }
        }
        if let cpu, cpu > Double(host.cpuCount) {
            throw Self.insufficient(
                "cpu", "A replica with \(cpu) CPU cores does not fit: this host has \(host.cpuCount).", needed: Int64(cpu.rounded(.up)),
                present: Int64(host.cpuCount), inUse: nil, hint: "Ask for fewer with --cpu, or change the environment's resources.")
        }
    }

    /// Holds the GPUs of all replicas against those that no other deployment has. To be called in the transaction that stores the wish.
    static func checkGPUs(
        perReplica: Int, replicas: Int, inventory: GPUInventory, except id: String?, in connection: any SQLConnection
    ) throws {
        let needed = perReplica * replicas
        guard needed > 0 else { return }
        let inUse = try DeploymentStore.gpusInUse(except: id, in: connection)
        let free = inventory.count - inUse
        guard needed > free else { return }
        let fitting = max(0, free) / perReplica
        let reason = inventory.count == 0 ? inventory.reason.map { " (\($0))" } ?? "" : ""
        throw insufficient(
            "gpu",
            "\(replicas) \(replicas == 1 ? "replica" : "replicas") with \(perReplica) GPU\(perReplica == 1 ? "" : "s") each need \(needed), "
                + "but this host has \(inventory.count)\(reason), of which other deployments use \(inUse).",
            needed: Int64(needed), present: Int64(inventory.count), inUse: Int64(inUse),
            hint: fitting > 0
                ? "Ask for at most \(fitting) replicas, or stop another deployment."
                : "Deploy to an environment of type cpu (`mcp environment create --type cpu`), or stop a deployment that has GPUs."
        )
    }

    /// A server that computes on GPUs must get some: without, it would fail after minutes of loading.
    static func checkNeedOfGPUs(_ template: Template, perReplica: Int, environment: Environment) throws {
        guard template.requiresGPU, perReplica == 0 else { return }
        throw insufficient(
            "gpu",
            "The server of the template \(template.name) needs at least 1 GPU per replica, but the environment \(environment.name) "
                + "is of type \(environment.type.rawValue) and gives none.",
            needed: 1, present: 0, inUse: nil,
            hint: "Deploy to an environment of type gpu (`mcp environment create --type gpu --resources \"gpu=1\"`), or ask with --gpus.")
    }

    private static func insufficient(
        _ resource: String, _ message: String, needed: Int64, present: Int64, inUse: Int64?, hint: String
    ) -> CatapultError {
        var details: [String: JSONValue] = ["resource": .string(resource), "needed": .int(needed), "present": .int(present)]
        if let inUse { details["in_use"] = .int(inUse) }
        return .conflict(
            "insufficient_resources", type: "InsufficientResourcesError", message, field: "resources.\(resource)", hint: hint,
            details: details)
    }

    // MARK: Settings

    /// Checks what a call wants to have in the container.
    /// - Throws: 400.
    func checkSettings(_ variables: [String: String], mounts: [String: String]) throws {
        for (name, value) in variables.sorted(by: { $0.key < $1.key }) {
            if name == "PORT" {
                throw CatapultError.invalid(
                    field: "environment_vars", "PORT is set by Catapult, to the port that the server must listen on")
            }
            guard !name.isEmpty, !name.contains("="), !name.utf8.contains(0), !value.utf8.contains(0) else {
                throw CatapultError.invalid(
                    field: "environment_vars", "the name of a variable must not be empty or contain '=', and nothing may contain NUL")
            }
        }
        for (host, target) in mounts.sorted(by: { $0.key < $1.key }) {
            _ = try storage.resolve(host)
            guard Self.isContainerPath(target) else {
                throw CatapultError.invalid(
                    field: "volume_mounts", "\(target) must be an absolute path in the container, such as /models, without '.' and '..'")
            }
        }
    }

    /// Whether a text is a place in a container where something can be mounted: absolute and plain.
    static func isContainerPath(_ path: String) -> Bool {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        return path.hasPrefix("/") && !parts.isEmpty && !path.utf8.contains(0) && parts.allSatisfy { !["", ".", ".."].contains($0) }
    }

    // MARK: Names

    /// A name that is free: the one that is asked for, else made of model and environment, with a number where that is taken.
    static func name(_ asked: String?, model: String, environment: String, in connection: any SQLConnection) throws -> String {
        if let asked {
            guard try !DeploymentStore.isTaken(name: asked, in: connection) else {
                throw CatapultError.alreadyExists(
                    .deployment, asked,
                    hint:
                        "Scale or restart it (`mcp scale`, `mcp restart`), delete it (`mcp deployment delete \(asked)`), or choose another name."
                )
            }
            return asked
        }
        let longest = TextRule.plainName.maximumLength - 5
        let stem = String("\(model.replacing("/", with: "-"))-\(environment)".prefix(longest))
        if try !DeploymentStore.isTaken(name: stem, in: connection) { return stem }
        var number = 2
        while try DeploymentStore.isTaken(name: "\(stem)-\(number)", in: connection) { number += 1 }
        return "\(stem)-\(number)"
    }
}
