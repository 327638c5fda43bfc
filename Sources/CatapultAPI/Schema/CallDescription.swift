/// What a call looks like from outside: its parameters by the place where they travel, and its answer. Documents are drawn from it.
public struct CallDescription {
    /// The call.
    public let call: any APICall.Type
    /// Parameters in the path, in its order.
    public let path: [JSONSchema.Property]
    /// Parameters in the query.
    public let query: [JSONSchema.Property]
    /// Members of the JSON body.
    public let body: [JSONSchema.Property]
    /// Groups of parameters in wire spelling, of each of which one must be there.
    public let alternatives: [[String]]
    /// The answer of success, where it is JSON.
    public let output: JSONSchema?

    /// Describes a call; the definitions that it refers to are collected in the reflectors.
    public init<Call: APICall>(_ call: Call.Type, inputs: SchemaReflector, outputs: SchemaReflector) {
        self.call = call
        let properties = inputs.properties(of: call)
        let names = call.route.parameters
        let inQuery = Set(call.queryFields.map(WireName.snakeCase))
        path = names.compactMap { name in properties.first { $0.name == name } }
        let rest = properties.filter { !names.contains($0.name) }
        query = call.hasBody ? rest.filter { inQuery.contains($0.name) } : rest
        body = call.hasBody ? rest.filter { !inQuery.contains($0.name) } : []
        alternatives = call.alternatives.map { $0.map(WireName.snakeCase) }
        output = call.responseBody == .json ? outputs.schema(of: Call.Output.self) : nil
    }

    /// The statuses of failure that the call's declaration foretells, ascending.
    var failures: [Int] {
        var statuses: Set<Int> = [503]
        if case .role(let role) = call.access {
            statuses.insert(401)
            // Every key is at least a viewer's.
            if role > .viewer { statuses.insert(403) }
        }
        if call.effect != .read { statuses.formUnion([409, 507]) }
        if call.requestBody != .json || !body.isEmpty { statuses.insert(413) }
        if !(path + query + body).isEmpty { statuses.formUnion([400, 404, 422]) }
        return statuses.sorted()
    }
}

extension Access {
    /// The name of the rule in documents.
    var name: String {
        switch self {
        case .open: "open"
        case .role(let role): role.rawValue
        }
    }
}
