/// The OpenAPI 3.1 document of the contract, drawn from `Catalogue.calls`. It takes some milliseconds: compute it once.
public enum OpenAPI {
    /// The document for a server of this version.
    public static func document(version: String) -> JSONValue {
        let inputs = SchemaReflector(.input)
        let outputs = SchemaReflector(.output)
        var paths: [String: [String: JSONValue]] = [:]
        var schemas: [String: JSONValue] = ["Error": errorSchema, "Problem": problemSchema]
        var groups: [String] = []
        for call in Catalogue.calls {
            let description = CallDescription(call, inputs: inputs, outputs: outputs)
            if !groups.contains(call.group) { groups.append(call.group) }
            if !description.body.isEmpty { schemas[requestName(call)] = request(description) }
            let method = call.route.method.rawValue.lowercased()
            paths[template(call.route.path), default: [:]][method] = operation(description, isAlias: false)
            if let alias = call.route.alias { paths[template(alias), default: [:]][method] = operation(description, isAlias: true) }
        }
        for components in [inputs.components.mapValues(\.acceptingNull), outputs.components] {
            schemas.merge(components.mapValues { $0.json(.openAPI) }) { first, _ in first }
        }
        return [
            "openapi": "3.1.1",
            "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
            "info": [
                "title": "Catapult",
                "version": .string(version),
                "summary": "Models from files to running, measured endpoints.",
                "description": .string(overview),
                "license": ["name": "Apache-2.0", "identifier": "Apache-2.0"],
            ],
            "servers": [["url": "/"]],
            "security": [["ApiKey": []], ["Bearer": []]],
            "tags": .array(groups.map { ["name": .string($0)] }),
            "paths": .object(paths.mapValues(JSONValue.object)),
            "components": [
                "schemas": .object(schemas),
                "responses": .object(
                    Dictionary(failures.map { ($0.value.name, failure($0.value.description, status: $0.key)) }) { first, _ in first }
                        .merging(["Failure": failure("The call failed.", status: nil)]) { $1 }),
                "headers": [
                    "IgnoredFields": [
                        "description": "Names of fields that were sent and mean nothing here, separated by commas.",
                        "schema": ["type": "string"],
                    ]
                ],
                "securitySchemes": [
                    "ApiKey": ["type": "apiKey", "in": "header", "name": "X-API-Key", "description": "A key, `prefix.secret`."],
                    "Bearer": ["type": "http", "scheme": "bearer", "description": "The same key as a bearer token."],
                ],
            ],
        ]
    }

    /// What holds for every call, in CommonMark.
    private static let overview = """
        One server takes a model from files to a running endpoint: register, version, build, deploy, measure.

        Names are snake case. Times are RFC 3339 in UTC, ids are UUIDs. In a request, a member that is null counts as absent; in an answer every \
        member is there. Unknown members are accepted and named in the header `X-Catapult-Ignored-Fields`. Lists page by `page` and `size`, or by \
        `limit` and `offset`. Every failure has the shape `Error`.
        """

    private static let failures: [Int: (name: String, description: String)] = [
        400: ("BadRequest", "A rule forbids what was asked; `field` is to blame."),
        401: ("Unauthenticated", "There is no key, or none that is valid."),
        403: ("Forbidden", "The role of the key is too low."),
        404: ("NotFound", "Nothing has this id or name; `candidates` are near misses."),
        409: ("Conflict", "The name is taken, or the state does not allow this."),
        413: ("TooLarge", "The body is larger than the server takes."),
        422: ("Unprocessable", "The request has not the declared shape; `detail` names every problem."),
        503: ("Unavailable", "Something that Catapult needs does not answer now."),
        507: ("NoSpace", "The server's disk is full; nothing was changed."),
    ]

    private static func failure(_ description: String, status: Int?) -> JSONValue {
        var response: [String: JSONValue] = [
            "description": .string(description),
            "content": ["application/json": ["schema": ["$ref": "#/components/schemas/Error"]]],
        ]
        if status == 401 {
            response["headers"] = ["WWW-Authenticate": ["description": "How to authenticate.", "schema": ["type": "string"]]]
        } else if status == 503 {
            response["headers"] = ["Retry-After": ["description": "Seconds to wait before trying again.", "schema": ["type": "integer"]]]
        }
        return .object(response)
    }

    private static let errorSchema: JSONValue = [
        "type": "object",
        "description": "What could not be done and what to do next. Further members depend on `error_type`.",
        "properties": [
            "detail": [
                "description": "What is wrong, for people; of a request without the declared shape, all its problems.",
                "anyOf": [["type": "string"], ["type": "array", "items": ["$ref": "#/components/schemas/Problem"]]],
            ],
            "error_type": ["type": "string", "description": "Class of the error, such as ModelNotFoundError."],
            "code": ["type": "string", "description": "Stable name for programs, such as model_not_found."],
            "field": ["type": "string", "description": "The field that is to blame, where one is."],
            "hint": ["type": "string", "description": "The next step."],
            "candidates": [
                "type": "array", "items": ["type": "string"], "description": "Near misses of a name that was not found, best first.",
            ],
        ],
        "required": ["detail", "error_type", "code"],
    ]

    private static let problemSchema: JSONValue = [
        "type": "object",
        "description": "One thing that is wrong with a request.",
        "properties": [
            "type": ["type": "string", "enum": .array(FieldProblem.Kind.allCases.map { .string($0.rawValue) })],
            "loc": [
                "type": "array", "items": ["type": ["string", "integer"]],
                "description": "The way to the value: body, query or path, then names and indexes; for json_invalid the byte offset.",
            ],
            "msg": ["type": "string", "description": "What is wrong and what is allowed."],
            "input": ["description": "The value that was sent, where it is short."],
        ],
        "required": ["type", "loc", "msg", "input"],
    ]

    private static func operation(_ description: CallDescription, isAlias: Bool) -> JSONValue {
        let call = description.call
        var members: [String: JSONValue] = [
            "operationId": .string(isAlias ? "\(call.name)ByOlderPath" : call.name),
            "summary": .string(call.summary),
            "tags": [.string(call.group)],
            "responses": responses(description),
            "x-catapult-access": .string(call.access.name),
            "x-catapult-effect": .string(call.effect.rawValue),
        ]
        if isAlias {
            members["deprecated"] = true
            members["description"] = .string("The older path of `\(call.route.path)`.")
        }
        let parameters = description.path.map { parameter($0, in: "path") } + description.query.map { parameter($0, in: "query") }
        if !parameters.isEmpty { members["parameters"] = .array(parameters) }
        // OpenAPI cannot say of parameters in the query that one of several must be there.
        let groups = alternatives(description, in: description.query)
        if !groups.isEmpty { members["x-catapult-one-of"] = .array(groups.map { .array($0.map(JSONValue.string)) }) }
        if let body = requestBody(description) { members["requestBody"] = body }
        if call.access == .open { members["security"] = [] }
        return .object(members)
    }

    private static func parameter(_ property: JSONSchema.Property, in place: String) -> JSONValue {
        var bare = property
        bare.description = ""
        var members: [String: JSONValue] = ["name": .string(property.name), "in": .string(place), "schema": bare.json(.openAPI)]
        if !property.description.isEmpty { members["description"] = .string(property.description) }
        if property.isRequired || place == "path" { members["required"] = true }
        return .object(members)
    }

    private static func requestBody(_ description: CallDescription) -> JSONValue? {
        let form = description.call.requestBody
        if form == .multipart {
            let file = JSONSchema.Property(name: "file", schema: .string(), isRequired: true, description: "The file.")
            return [
                "required": true,
                "content": [
                    form.mediaType: ["schema": JSONSchema.object([file] + description.query).json(.openAPI)],
                    BodyForm.bytes.mediaType: ["schema": ["type": "string", "contentMediaType": .string(BodyForm.bytes.mediaType)]],
                ],
            ]
        }
        if form != .json {
            return [
                "required": true, "content": [form.mediaType: ["schema": ["type": "string", "contentMediaType": .string(form.mediaType)]]],
            ]
        }
        guard !description.body.isEmpty else { return nil }
        return [
            "required": .bool(description.body.contains { $0.isRequired } || !alternatives(description, in: description.body).isEmpty),
            "content": [form.mediaType: ["schema": ["$ref": .string("#/components/schemas/\(requestName(description.call))")]]],
        ]
    }

    private static func alternatives(_ description: CallDescription, in place: [JSONSchema.Property]) -> [[String]] {
        description.alternatives.filter { group in place.contains { $0.name == group[0] } }
    }

    /// The schema of a body: a member that may be left out may be null as well, and of some groups one member must be there.
    private static func request(_ description: CallDescription) -> JSONValue {
        var members = JSONSchema.object(description.body).acceptingNull.json(.openAPI).objectValue ?? [:]
        let groups = alternatives(description, in: description.body)
        let conditions: [JSONValue] = groups.map { group in
            .object(["anyOf": .array(group.map { ["required": [.string($0)], "properties": [$0: ["not": ["type": "null"]]]] })])
        }
        if let only = conditions.first?.objectValue, conditions.count == 1 {
            members.merge(only) { $1 }
        } else if !conditions.isEmpty {
            members["allOf"] = .array(conditions)
        }
        return .object(members)
    }

    private static func responses(_ description: CallDescription) -> JSONValue {
        let call = description.call
        var success: [String: JSONValue] = ["description": .string(successText(call))]
        if let output = description.output {
            success["content"] = [call.responseBody.mediaType: ["schema": output.json(.openAPI)]]
        } else {
            success["content"] = [call.responseBody.mediaType: ["schema": ["type": "string"]]]
        }
        if description.failures.contains(422), description.output != nil {
            success["headers"] = ["X-Catapult-Ignored-Fields": ["$ref": "#/components/headers/IgnoredFields"]]
        }
        var members: [String: JSONValue] = ["\(call.success)": .object(success), "default": ["$ref": "#/components/responses/Failure"]]
        for status in description.failures {
            guard let name = failures[status]?.name else { continue }
            members["\(status)"] = ["$ref": .string("#/components/responses/\(name)")]
        }
        if call.responseBody == .bytes {
            members["206"] = ["description": "The range that was asked for.", "content": success["content"] ?? [:]]
            members["304"] = ["description": "The client has these bytes already."]
            members["416"] = ["$ref": "#/components/responses/Failure"]
        }
        // A server that is not well says so in the shape of its health, which load balancers and earlier clients read.
        if call is GetHealth.Type, let content = success["content"] {
            members["503"] = ["description": "The database does not answer.", "content": content]
        }
        return .object(members)
    }

    private static func successText(_ call: any APICall.Type) -> String {
        switch call.responseBody {
        case .text: "Text that grows until what it tells of has ended."
        case .events: "Server-sent events."
        case .bytes, .multipart: "The bytes."
        case .html: "A page for people."
        case .json: call.success == 201 ? "It was created." : "It worked."
        }
    }

    private static func requestName(_ call: any APICall.Type) -> String { "\(call)Request" }

    /// OpenAPI has no notation for a parameter that takes several segments; its description says so.
    private static func template(_ path: String) -> String { path.replacing("...}", with: "}") }
}
