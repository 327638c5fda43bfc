import Testing

@testable import CatapultAPI

/// What every call must keep, so that every face can be drawn from the catalogue.
@Suite("Catalogue")
struct CatalogueTests {
    @Test("every property of every input and output is described, no description is stale, every type can be reflected")
    func documented() {
        let inputs = SchemaReflector(.input)
        let outputs = SchemaReflector(.output)
        for call in Catalogue.calls { _ = CallDescription(call, inputs: inputs, outputs: outputs) }
        #expect(inputs.gaps == [])
        #expect(outputs.gaps == [])
    }

    @Test("names and routes are unique, older paths included")
    func unique() {
        #expect(Set(Catalogue.calls.map { $0.name }).count == Catalogue.calls.count)
        let routes = Catalogue.calls.flatMap { call in
            [call.route.path, call.route.alias].compactMap { $0 }.map { path in
                call.route.method.rawValue + " "
                    + Route.segments(of: path).map { if case .literal(let text) = $0 { text } else { "{}" } }.joined(separator: "/")
            }
        }
        #expect(Set(routes).count == routes.count)
    }

    @Test(
        "path parameters are required text properties, the same in the older path, and a rest stands at the end",
        arguments: Catalogue.calls.indices)
    func paths(index: Int) {
        let call = Catalogue.calls[index]
        let description = CallDescription(call, inputs: SchemaReflector(.input), outputs: SchemaReflector(.output))
        #expect(description.path.map(\.name) == call.route.parameters)
        for property in description.path {
            #expect(property.isRequired && property.schema == .string())
        }
        if let alias = call.route.alias {
            let parameters = Route.segments(of: alias).compactMap { segment in
                switch segment {
                case .literal: nil as String?
                case .parameter(let name), .rest(let name): name
                }
            }
            #expect(parameters == call.route.parameters)
        }
        for segment in Route.segments(of: call.route.path).dropLast() {
            if case .rest = segment { Issue.record("\(call.name): only the last segment may take the rest") }
        }
        #expect(call.queryFields.isSubset(of: Set(call.fields.keys)))
        let optional = (description.query + description.body).filter { !$0.isRequired }.map(\.name)
        for group in description.alternatives { #expect(group.count > 1 && Set(group).isSubset(of: optional), "\(call.name): \(group)") }
    }

    @Test("GET reads and nothing else does; writes are audited, reads are not; DELETE destroys", arguments: Catalogue.calls.indices)
    func effects(index: Int) {
        let call = Catalogue.calls[index]
        #expect((call.route.method == .get) == (call.effect == .read), "\(call.name)")
        #expect((call.effect == .read) == (call.audit == nil), "\(call.name)")
        if call.route.method == .delete { #expect(call.effect == .destructive, "\(call.name)") }
        if call.effect != .read { #expect(call.access != .open && call.access != .role(.viewer), "\(call.name)") }
    }

    @Test("flags that need a higher role are declared fields, and need more than the call where it is not the highest already")
    func elevations() {
        for call in Catalogue.calls {
            for (flag, role) in call.elevations {
                #expect(call.fields[flag] != nil, "\(call.name).\(flag)")
                guard case .role(let needed) = call.access else {
                    Issue.record("\(call.name) is open, so its flags cannot need a role")
                    continue
                }
                #expect(role > needed || needed == .admin, "\(call.name).\(flag)")
            }
        }
        #expect(DeleteVersion.access == .role(.operator) && DeleteVersion.elevations == ["force": .admin])
    }

    @Test("only the greeting, health and server information are open")
    func open() {
        #expect(Set(Catalogue.calls.filter { $0.access == .open }.map { $0.name }) == ["getGreeting", "getHealth", "getServerInfo"])
    }

    @Test("every call has words for people", arguments: Catalogue.calls.indices)
    func words(index: Int) {
        let call = Catalogue.calls[index]
        #expect(!call.group.isEmpty)
        #expect(call.summary.first?.isUppercase == true && !call.summary.hasSuffix("."), "\(call.name)")
        for (name, field) in call.fields {
            #expect(field.description.hasSuffix("."), "\(call.name).\(name)")
        }
    }

    @Test("wire names have whole words: a capital too many in a Swift name would cut one up")
    func wireNames() {
        let inputs = SchemaReflector(.input)
        let outputs = SchemaReflector(.output)
        var names: Set<String> = []
        for call in Catalogue.calls {
            let description = CallDescription(call, inputs: inputs, outputs: outputs)
            names.formUnion((description.path + description.query + description.body).map(\.name))
        }
        for case .object(let properties) in Array(inputs.components.values) + Array(outputs.components.values) {
            names.formUnion(properties.map(\.name))
        }
        #expect(names.contains("artifact_ids") && names.contains("k8s_namespace") && names.contains("mlflow_url"))
        // A name of one letter is whole: `q`, `a` and `b` are what searches and comparisons call their parts everywhere.
        #expect(names.filter { $0.contains("_") && $0.split(separator: "_").contains { $0.count == 1 } } == [])
    }

    @Test("audit actions are unique per call and snake case")
    func audit() {
        let actions = Catalogue.calls.compactMap { $0.audit?.action }
        #expect(Set(actions).count == actions.count)
        #expect(actions.allSatisfy { $0 == $0.lowercased() && !$0.contains(" ") })
    }
}

@Suite("SchemaReflector")
struct SchemaReflectorTests {
    private struct Node: Codable, Documented {
        var name: String
        var children: [Node]
        var parent: [String: Node]?
        static let fields: [String: Field] = ["name": Field("N.", .length(1...9)), "children": "C.", "parent": "P."]
    }

    private struct Careless: Codable, Documented {
        var known: Int
        var forgotten: Float?
        static let fields: [String: Field] = ["known": "K.", "gone": "G."]
    }

    private enum Odd: Codable { case some(Int) }

    private struct Holder: Codable, Documented {
        var odd: Odd
        static let fields: [String: Field] = ["odd": "O."]
    }

    @Test("types that hold themselves end in a reference")
    func recursion() {
        #expect(
            SchemaReflector.document(of: Node.self, direction: .input)["$defs"] == [
                "NodeInput": [
                    "type": "object", "required": ["name", "children"],
                    "properties": [
                        "name": ["type": "string", "minLength": 1, "maxLength": 9, "description": "N."],
                        "children": ["type": "array", "items": ["$ref": "#/$defs/NodeInput"], "description": "C."],
                        "parent": ["type": "object", "additionalProperties": ["$ref": "#/$defs/NodeInput"], "description": "P."],
                    ],
                ]
            ])
    }

    @Test("answers have every member, optional ones may be null, and no rules")
    func output() {
        let schema = SchemaReflector.document(of: Node.self, direction: .output)
        #expect(schema["required"] == ["name", "children", "parent"])
        #expect(schema["properties"]?["parent"]?["type"] == ["object", "null"])
        #expect(schema["properties"]?["name"] == ["type": "string", "description": "N."])
    }

    @Test("pages are named after what they hold, choices list their values, moments are date-times, free data is anything")
    func contractTypes() {
        let reflector = SchemaReflector(.output)
        #expect(reflector.schema(of: Page<Operation>.self) == .reference("OperationPage"))
        #expect(reflector.components["OperationKind"] == .choice(OperationKind.allCases.map(\.rawValue)))
        let operation = reflector.components["Operation"]?.json
        #expect(operation?["properties"]?["created_at"]?["format"] == "date-time")
        #expect(operation?["properties"]?["result"] == ["description": "What came out."])
        #expect(JSONSchema.nullable(.choice(["a"])).json == ["type": ["string", "null"], "enum": ["a", nil]])
        #expect(JSONSchema.nullable(.reference("A")).json == ["anyOf": [["$ref": "#/$defs/A"], ["type": "null"]]])
        #expect(reflector.gaps == [])
    }

    @Test("what is not described, described in vain or not readable is a gap")
    func gaps() {
        let reflector = SchemaReflector(.output)
        _ = reflector.schema(of: Careless.self)
        _ = reflector.schema(of: Holder.self)
        #expect(reflector.gaps.contains("Careless.forgotten is not described"))
        #expect(reflector.gaps.contains("Careless.gone is described but no property"))
        #expect(reflector.gaps.contains { $0.hasPrefix("Odd cannot be reflected") })
    }
}

@Suite("API reference")
struct APIReferenceTests {
    private let page = APIReference.page(version: "<1&2>")

    @Test("has every call, and every link within the page leads somewhere")
    func links() {
        for call in Catalogue.calls { #expect(page.contains("<h3 id=\"\(call.name)\">")) }
        let ids = page.matches(of: /id="([^"]+)"/).map { String($0.1) }
        #expect(Set(ids).count == ids.count)
        let targets = Set(page.matches(of: /href="#([^"]+)"/).map { String($0.1) })
        #expect(targets.subtracting(ids).isEmpty)
    }

    @Test("escapes text, has no script and loads nothing")
    func safe() {
        #expect(page.contains("&lt;1&amp;2&gt;"))
        #expect(!page.contains("<1&2>"))
        #expect(!page.contains("<script"))
        #expect(!page.contains("src="))
        #expect(!page.contains("@import"))
        #expect(HTMLText().prose("a `<b>` \"c'").output == "a <code>&lt;b&gt;</code> &quot;c&#39;")
    }

    @Test("opens and closes the same elements")
    func balanced() throws {
        for element in ["section", "table", "tr", "td", "th", "div", "p", "ul", "li", "code", "small", "span", "details", "a", "b", "dl"] {
            let opened = page.matches(of: try Regex("<\(element)[ >]")).count
            #expect(opened == page.ranges(of: "</\(element)>").count, "\(element)")
        }
    }
}
