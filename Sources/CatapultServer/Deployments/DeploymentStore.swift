import CatapultAPI
import SQLDatabase

/// The SQL of deployments.
enum DeploymentStore {
    // MARK: As clients see them

    private static let selection: SQLQuery = """
        SELECT d.id, d.name, d.version_id, m.name, v.version, d.environment, d.deployment_type, d.status, d.health_status, d.replicas,
            (SELECT count(DISTINCT r.number) FROM replicas r WHERE r.deployment_id = d.id AND r.state = 'ready' AND r.number < d.replicas),
            d.endpoint_url, p.port, d.image_tag, d.image_digest, d.build_id,
            (SELECT r.container_id FROM replicas r WHERE r.deployment_id = d.id ORDER BY r.number, r.generation DESC LIMIT 1), d.gpu_count,
            d.memory_limit, d.cpu_limit, d.environment_vars, d.volume_mounts, d.cluster, d.k8s_namespace, d.error, d.operation_id,
            d.metadata,
            d.deployed_by, d.deployed_at, d.started_at, d.stopped_at
        FROM deployments d JOIN versions v ON v.id = d.version_id JOIN models m ON m.id = v.model_id
        LEFT JOIN ports p ON p.deployment_id = d.id
        """

    private static func deployment(_ row: SQLRow) throws -> Deployment {
        var column = row.cursor()
        return Deployment(
            id: try column.next(), name: try column.next(), versionID: try column.next(), modelName: try column.next(),
            version: try column.next(), environment: try column.next(), deploymentType: try column.next(), status: try column.next(),
            healthStatus: try column.next(), replicas: try column.next(), readyReplicas: try column.next(), endpointURL: try column.next(),
            hostPort: try column.next(), imageTag: try column.next(), imageDigest: try column.next(), dockerBuildID: try column.next(),
            containerID: try column.next(), gpuCount: try column.next(), memoryLimit: try column.next(), cpuLimit: try column.next(),
            environmentVars: try column.next(JSONColumn.self).textMembers, volumeMounts: try column.next(JSONColumn.self).textMembers,
            cluster: try column.next(), k8sNamespace: try column.next(), error: try column.next(), operationID: try column.next(),
            metadata: try column.next(JSONColumn.self).members, deployedBy: try column.next(), deployedAt: try column.next(),
            startedAt: try column.next(), stoppedAt: try column.next())
    }

    /// The conditions that a deployment, and the model that it runs, lie inside of a scope.
    private static func conditions(of scope: KeyScope, in connection: any SQLConnection) -> [SQLQuery] {
        [scope.models("m.name", in: connection.dialect), scope.environments("d.environment", in: connection.dialect)].compactMap { $0 }
    }

    /// The deployment with an id or a name that lies inside of the scope; 404 with near names otherwise.
    static func resolve(_ idOrName: String, for scope: KeyScope, in connection: any SQLConnection) throws -> Deployment {
        let key = Identifier.isUUID(idOrName) ? idOrName.lowercased() : idOrName
        if let deployment = try connection.fetchFirst("\(selection) WHERE d.id = \(key) OR d.name = \(idOrName)", deployment),
            scope.includes(model: deployment.modelName), scope.includes(environment: deployment.environment)
        {
            return deployment
        }
        let stem = String(idOrName.prefix(3))
        let isNear: SQLQuery = "d.name >= \(stem) AND d.name < \(stem + "\u{10FFFF}")"
        let near = try connection.fetchColumn(
            """
            SELECT d.name FROM deployments d JOIN versions v ON v.id = d.version_id JOIN models m ON m.id = v.model_id
            WHERE \(([isNear] + conditions(of: scope, in: connection)).joined(separator: " AND ")) ORDER BY d.name LIMIT 3
            """, as: String.self)
        throw CatapultError.notFound(.deployment, idOrName, candidates: near)
    }

    static func list(_ call: ListDeployments, for scope: KeyScope, in connection: any SQLConnection) throws -> Page<Deployment> {
        let window = try PageWindow(call)
        var conditions = conditions(of: scope, in: connection)
        if let environment = call.environment { conditions.append("d.environment = \(environment)") }
        if let status = call.status { conditions.append("d.status = \(status)") }
        if let version = call.releaseID ?? call.versionID {
            conditions.append("d.version_id = \(try VersionStore.filter(version, for: scope, in: connection))")
        }
        if let model = call.modelName { conditions.append("lower(m.name) = lower(\(model))") }
        let needsModel = call.modelName != nil || scope.models != nil
        let source: SQLQuery =
            needsModel ? "deployments d JOIN versions v ON v.id = d.version_id JOIN models m ON m.id = v.model_id" : "deployments d"
        let total: RowTotal =
            conditions.isEmpty
            ? try .kept("SELECT n FROM counters WHERE name = 'deployments'", in: connection)
            : try .counting("SELECT 1 FROM \(source) WHERE \(conditions.joined(separator: " AND "))", in: connection)
        let query = window.query(selection, from: source, order: .newestFirst("d.deployed_at", id: "d.id"), where: conditions)
        return try window.page(connection.fetchAll(query, deployment), total: total) { .age($0.deployedAt, id: $0.id) }
    }

    static func list(
        ofVersion id: String, _ paging: Paging, for scope: KeyScope, in connection: any SQLConnection
    ) throws -> [Deployment] {
        let filter = (["d.version_id = \(id)"] + conditions(of: scope, in: connection)).joined(separator: " AND ")
        return try connection.fetchAll(
            """
            \(selection) WHERE \(filter) ORDER BY d.deployed_at DESC, d.id DESC LIMIT \(paging.limit) OFFSET \(paging.offset)
            """, deployment)
    }

    static func isTaken(name: String, in connection: any SQLConnection) throws -> Bool {
        try connection.exists("SELECT 1 FROM deployments WHERE name = \(name)")
    }

    /// A new deployment. What is not stored in its row (names of the version, counts, ports) is left out.
    static func insert(
        _ deployment: Deployment, wanted: WantedState, template: Template, in connection: any SQLConnection
    ) throws {
        let (environment, mounts) = (JSONColumn(deployment.environmentVars), JSONColumn(deployment.volumeMounts))
        try connection.execute(
            """
            INSERT INTO deployments (id, name, version_id, environment, deployment_type, status, health_status, replicas, generation,
            wanted, revision,
                endpoint_url, image_tag, image_digest, build_id, container_port, health_path, start_grace_seconds, stop_grace_seconds,
                gpu_count,
                memory_limit, cpu_limit, environment_vars, volume_mounts, cluster, k8s_namespace, operation_id, metadata, deployed_by,
                deployed_at)
            VALUES (\(deployment.id), \(deployment.name), \(deployment.versionID), \(deployment.environment), \(deployment.deploymentType),
                \(deployment.status), \(deployment.healthStatus), \(deployment.replicas), 1, \(wanted), 1, \(deployment.endpointURL),
                \(deployment.imageTag), \(deployment.imageDigest), \(deployment.dockerBuildID), \(template.port), \(template.healthPath),
                \(template.startGraceSeconds), \(template.stopGraceSeconds), \(deployment.gpuCount), \(deployment.memoryLimit),
                \(deployment.cpuLimit), \(environment), \(mounts), \(deployment.cluster), \(deployment.k8sNamespace),
                \(deployment.operationID),
                \(JSONColumn(deployment.metadata)), \(deployment.deployedBy), \(deployment.deployedAt))
            """)
        try VersionUse.deployed.note(of: deployment.versionID, by: deployment.name, in: connection)
    }

    static func delete(_ id: String, in connection: any SQLConnection) throws {
        try connection.execute("DELETE FROM deployments WHERE id = \(id)")
    }

    // MARK: Wishes

    /// Writes down what a client wishes now, and where that leaves the deployment until the controller has looked.
    static func wish(
        _ id: String, _ wanted: WantedState, status: DeploymentStatus, replicas: Int? = nil, newGeneration: Bool = false,
        operationID: String? = nil, in connection: any SQLConnection
    ) throws {
        try connection.execute(
            """
            UPDATE deployments SET wanted = \(wanted), status = \(status), replicas = coalesce(\(replicas), replicas),
                generation = generation + \(newGeneration ? 1 : 0), operation_id = coalesce(\(operationID), operation_id), error = NULL,
                revision = revision + 1
            WHERE id = \(id)
            """)
    }

    /// Writes down which image is to run, and what its template says of its containers.
    static func setImage(
        of id: String, tag: String?, digest: String, buildID: String?, template: Template, in connection: any SQLConnection
    ) throws {
        try connection.execute(
            """
            UPDATE deployments SET image_tag = \(tag), image_digest = \(digest), build_id = \(buildID), container_port = \(template.port),
                health_path = \(template.healthPath), start_grace_seconds = \(template.startGraceSeconds),
                stop_grace_seconds = \(template.stopGraceSeconds), revision = revision + 1
            WHERE id = \(id)
            """)
    }

    /// Writes down for which build a deployment waits.
    static func awaitBuild(_ buildID: String?, tag: String?, of id: String, in connection: any SQLConnection) throws {
        try connection.execute(
            "UPDATE deployments SET build_id = \(buildID), image_tag = \(tag), revision = revision + 1 WHERE id = \(id)")
    }

    /// Notes why a deployment that never got an image cannot run.
    static func setFailedBeforeStart(_ id: String, _ message: String, in connection: any SQLConnection) throws {
        try connection.execute(
            """
            UPDATE deployments SET status = 'failed', health_status = 'unhealthy', error = \(message), revision = revision + 1
            WHERE id = \(id) AND image_digest IS NULL AND wanted = 'running'
            """)
    }

    /// GPUs that the other deployments of this host hold or are about to.
    static func gpusInUse(except id: String?, in connection: any SQLConnection) throws -> Int {
        Int(
            try connection.fetchInt(
                """
                SELECT coalesce(sum(gpu_count * replicas), 0) FROM deployments
                WHERE wanted = 'running' AND deployment_type = 'local' AND id <> \(id ?? "")
                """) ?? 0)
    }

    // MARK: As the controller sees them

    static func localIDs(in connection: any SQLConnection) throws -> [String] {
        try connection.fetchColumn("SELECT id FROM deployments WHERE deployment_type = 'local' ORDER BY deployed_at")
    }

    static func row(_ id: String, in connection: any SQLConnection) throws -> DeploymentRow? {
        try connection.fetchFirst(
            """
            SELECT d.name, d.version_id, d.wanted, d.replicas, d.generation, d.gpu_count, d.start_grace_seconds, d.health_path,
            d.memory_limit, d.status,
                d.health_status, d.error, d.started_at, d.stopped_at, d.revision, d.image_digest, d.container_port, d.environment_vars,
                d.volume_mounts, d.cpu_limit, d.stop_grace_seconds, p.port, d.endpoint_url, d.build_id, d.operation_id
            FROM deployments d LEFT JOIN ports p ON p.deployment_id = d.id WHERE d.id = \(id)
            """
        ) { row in
            var column = row.cursor()
            let (name, versionID): (String, String) = (try column.next(), try column.next())
            let wanted: WantedState = try column.next()
            let (replicas, generation, gpus): (Int, Int, Int) = (try column.next(), try column.next(), try column.next())
            let startGrace: Int = try column.next()
            let healthPath: String = try column.next()
            let memory: Int64? = try column.next(String?.self).flatMap { ByteCount($0)?.bytes }
            let standing = DeploymentStanding(
                status: try column.next(), health: try column.next(), error: try column.next(), startedAt: try column.next(),
                stoppedAt: try column.next())
            let revision: Int = try column.next()
            let container = ReplicaContainer(
                imageDigest: try column.next(), port: try column.next(), environment: try column.next(JSONColumn.self).textMembers,
                mounts: try column.next(JSONColumn.self).textMembers, memoryLimit: memory, cpuLimit: try column.next(), gpuCount: gpus)
            let wish = DeploymentWish(
                wanted: wanted, replicas: replicas, generation: generation, hasImage: container.imageDigest != nil, allowsSurge: gpus == 0,
                rules: ReplicaRules(
                    startGrace: .seconds(startGrace), healthPath: healthPath, memoryLimit: memory, policy: DeploymentPolicy()))
            return DeploymentRow(
                id: id, name: name, versionID: versionID, wish: wish, standing: standing, revision: revision, container: container,
                stopGrace: .seconds(try column.next(Int.self)), endpointPort: try column.next(), endpointURL: try column.next(),
                buildID: try column.next(), operationID: try column.next())
        }
    }

    /// Writes down how a deployment stands; false, and nothing is written, when a client has changed its wish meanwhile.
    static func setStanding(
        _ id: String, revision: Int, _ standing: DeploymentStanding, in connection: any SQLConnection
    ) throws -> Bool {
        try connection.execute(
            """
            UPDATE deployments SET status = \(standing.status), health_status = \(standing.health), error = \(standing.error),
                started_at = \(standing.startedAt), stopped_at = \(standing.stoppedAt)
            WHERE id = \(id) AND revision = \(revision)
            """) == 1
    }

    static func setEndpointURL(_ url: String, of id: String, in connection: any SQLConnection) throws {
        try connection.execute("UPDATE deployments SET endpoint_url = \(url) WHERE id = \(id)")
    }
}
