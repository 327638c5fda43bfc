import CatapultAPI
import SQLDatabase

/// The rules of environments.
struct EnvironmentService: Sendable {
    let database: Database

    func list(_ call: ListEnvironments, _ context: CallContext) async throws -> Page<Environment> {
        try await database.read { try EnvironmentStore.list(call, for: context.scope, in: $0) }
    }

    func get(_ call: GetEnvironment, _ context: CallContext) async throws -> Environment {
        try await database.read { try EnvironmentStore.resolve(call.environment, for: context.scope, in: $0) }
    }

    /// Creates an environment; one that a deployment implied by its name becomes a created one.
    func create(_ call: CreateEnvironment, _ context: CallContext) async throws -> Environment {
        try context.scope.require(environment: call.name)
        let type = call.type ?? .cpu
        let resources = try Self.resources(call.resources ?? ResourceRequest(), for: type)
        return try await database.write { connection in
            let now = Timestamp.now
            var environment = Environment(
                id: Identifier.make(), name: call.name, type: type, resources: resources, description: call.description, implied: false,
                createdAt: now, updatedAt: now)
            if let old = try EnvironmentStore.find(call.name, in: connection) {
                guard old.implied else {
                    throw CatapultError.alreadyExists(
                        .environment, call.name, hint: "Change it with `mcp environment update \(call.name)`, or choose another name.")
                }
                environment.id = old.id
                environment.createdAt = old.createdAt
                try EnvironmentStore.update(environment, in: connection)
            } else {
                try EnvironmentStore.insert(environment, in: connection)
            }
            try Self.audit(environment, context, in: connection)
            return environment
        }
    }

    func update(_ call: UpdateEnvironment, _ context: CallContext) async throws -> Environment {
        try await database.write { connection in
            var environment = try EnvironmentStore.resolve(call.environment, for: context.scope, in: connection)
            environment.type = call.type ?? environment.type
            let wish = call.resources
            let merged = ResourceRequest(
                cpu: wish?.cpu ?? environment.resources.cpu, memory: wish?.memory ?? environment.resources.memory,
                gpu: wish?.gpu ?? environment.resources.gpu)
            environment.resources = try Self.resources(merged, for: environment.type)
            environment.description = call.description ?? environment.description
            environment.implied = false
            environment.updatedAt = .now
            try EnvironmentStore.update(environment, in: connection)
            try Self.audit(environment, context, in: connection)
            return environment
        }
    }

    func delete(_ call: DeleteEnvironment, _ context: CallContext) async throws -> Deletion {
        try await database.write { connection in
            let environment = try EnvironmentStore.resolve(call.environment, for: context.scope, in: connection)
            let users = try connection.fetchColumn(
                "SELECT name FROM deployments WHERE environment = \(environment.name) ORDER BY name LIMIT 5", as: String.self)
            guard users.isEmpty else {
                throw CatapultError.conflict(
                    "environment_in_use", type: "StillReferencedError",
                    "The environment \(environment.name) is still used by \(users.joined(separator: ", ")).",
                    hint: "Delete the deployments first.", details: ["deployments": .array(users.map(JSONValue.string))])
            }
            try AuditLog.record(context, id: environment.id, details: ["name": .string(environment.name)], in: connection)
            try EnvironmentStore.delete(environment.id, in: connection)
            return Deletion(deletedID: environment.id)
        }
    }

    /// An environment of type cpu has no GPUs; one of type gpu has at least one per replica.
    private static func resources(_ request: ResourceRequest, for type: EnvironmentType) throws -> ResourceRequest {
        var request = request
        switch type {
        case .cpu:
            if let gpu = request.gpu, gpu > 0 {
                throw CatapultError.invalid(
                    field: "resources.gpu", "an environment of type cpu has no GPUs, but resources.gpu is \(gpu)", hint: "Use the type gpu."
                )
            }
            request.gpu = nil
        case .gpu:
            if request.gpu == 0 {
                throw CatapultError.invalid(
                    field: "resources.gpu", "an environment of type gpu needs at least 1 GPU per replica", hint: "Use the type cpu.")
            }
            request.gpu = request.gpu ?? 1
        }
        return request
    }

    private static func audit(_ environment: Environment, _ context: CallContext, in connection: any SQLConnection) throws {
        try AuditLog.record(
            context, id: environment.id, details: ["name": .string(environment.name), "type": .string(environment.type.rawValue)],
            in: connection)
    }
}
