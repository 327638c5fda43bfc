import Testing

@testable import CatapultAPI

@Suite("OpenAPI document")
struct OpenAPITests {
    private let document = OpenAPI.document(version: "1.2.3")

    @Test("has every route of the catalogue, older paths deprecated, operation ids unique")
    func routes() throws {
        var ids: Set<String> = []
        var count = 0
        for call in Catalogue.calls {
            for (path, isAlias) in [(call.route.path, false)] + (call.route.alias.map { [($0, true)] } ?? []) {
                let operation = try #require(
                    document["paths"]?[path.replacing("...}", with: "}")]?[call.route.method.rawValue.lowercased()], "\(call.name)")
                #expect(operation["deprecated"] == (isAlias ? true : nil))
                #expect(operation["responses"]?["\(call.success)"] != nil)
                #expect(operation["x-catapult-effect"]?.stringValue == call.effect.rawValue)
                ids.insert(try #require(operation["operationId"]?.stringValue))
                if !isAlias { #expect(operation["operationId"]?.stringValue == call.name) }
                count += 1
            }
        }
        #expect(ids.count == count)
        #expect(document["paths"]?.objectValue?.values.reduce(0) { $0 + ($1.objectValue?.count ?? 0) } == count)
    }

    @Test("every reference leads somewhere, and every definition is used")
    func references() throws {
        var used: Set<String> = []
        func walk(_ value: JSONValue) {
            if let target = value["$ref"]?.stringValue { used.insert(target) }
            value.objectValue?.values.forEach(walk)
            value.arrayValue?.forEach(walk)
        }
        walk(document)
        var defined: Set<String> = []
        for kind in ["schemas", "responses", "headers"] {
            for name in try #require(document["components"]?[kind]?.objectValue).keys { defined.insert("#/components/\(kind)/\(name)") }
        }
        #expect(used.subtracting(defined).isEmpty)
        #expect(defined.subtracting(used).isEmpty)
    }

    @Test("parameters, bodies and rules come from the declarations")
    func shapes() throws {
        let list = document["paths"]?["/api/v1/models"]?["get"]
        let size = list?["parameters"]?.arrayValue?.first { $0["name"] == "size" }
        #expect(size?["in"] == "query")
        #expect(size?["schema"] == ["type": "integer", "minimum": 1, "maximum": 100])
        #expect(list?["responses"]?["200"]?["content"]?["application/json"]?["schema"] == ["$ref": "#/components/schemas/ModelPage"])

        let create = document["components"]?["schemas"]?["CreateModelRequest"]
        #expect(create?["required"] == ["name", "storage_path"])
        #expect(create?["properties"]?["name"]?["maxLength"] == 255)
        #expect(create?["properties"]?["tags"]?["maxItems"] == 100)
        #expect(
            create?["properties"]?["server_type"]?["anyOf"] == [["$ref": "#/components/schemas/ServerType"], ["type": "null"]],
            "null counts as absent")
        #expect(create?["properties"]?["name"]?["type"] == "string", "what is required cannot be null")
        let alternatives = document["components"]?["schemas"]?["CreateVersionRequest"]?["anyOf"]?.arrayValue ?? []
        #expect(alternatives.map { $0["required"] } == [["model_id"], ["image_id"], ["model_name"]])
        let scope = document["components"]?["schemas"]?["KeyScopeInput"]?["properties"]?["models"]
        #expect(scope?["maxItems"] == 100 && scope?["items"]?["pattern"]?.stringValue == TextRule.scopePattern.pattern)
        let latest = document["paths"]?["/api/v1/versions/latest"]?["get"]
        #expect(latest?["x-catapult-one-of"] == [["model_name", "image_name"]])

        let model = document["components"]?["schemas"]?["Model"]
        #expect(model?["required"]?.arrayValue?.contains("company") == true)
        #expect(model?["properties"]?["company"]?["type"] == ["string", "null"])
        #expect(model?["properties"]?["name"]?["pattern"] == nil)
    }

    @Test("says who may call and what can go wrong")
    func access() {
        let remove = document["paths"]?["/api/v1/models/{model_id}"]?["delete"]
        #expect(remove?["x-catapult-access"] == "admin")
        #expect(
            remove?["responses"]?.objectValue?.keys.sorted() == ["200", "400", "401", "403", "404", "409", "422", "503", "507", "default"])
        let health = document["paths"]?["/api/health"]?["get"]
        #expect(health?["security"] == [])
        #expect(health?["responses"]?.objectValue?.keys.sorted() == ["200", "503", "default"])
        #expect(health?["responses"]?["503"]?["content"]?["application/json"]?["schema"] == ["$ref": "#/components/schemas/Health"])
        let upload = document["paths"]?["/api/v1/versions/{version_id}/files/{path}"]?["put"]
        #expect(upload?["requestBody"]?["content"]?["application/octet-stream"] != nil)
        let stream = document["paths"]?["/api/v1/deployments/{deployment_id}/logs/stream"]?["get"]
        #expect(stream?["responses"]?["200"]?["content"]?["text/event-stream"] != nil)
    }
}
