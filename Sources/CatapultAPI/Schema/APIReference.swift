/// The reference of the HTTP API as one page for people: no script, nothing loaded from elsewhere, readable in the dark.
///
/// Drawn from `Catalogue.calls`, like the OpenAPI document. It takes some milliseconds: compute it once.
public enum APIReference {
    /// The page of a server of this version.
    public static func page(version: String) -> String {
        let inputs = SchemaReflector(.input)
        let outputs = SchemaReflector(.output)
        let calls = Catalogue.calls.map { CallDescription($0, inputs: inputs, outputs: outputs) }
        let types = inputs.components.merging(outputs.components) { first, _ in first }
        var groups: [String] = []
        for call in calls where !groups.contains(call.call.group) { groups.append(call.call.group) }

        let html = HTMLText()
        html.markup("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Catapult API</title>\n")
        html.markup("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<style>\(APIReferenceStyle.sheet)</style>\n")
        html.markup("</head>\n<body>\n<a class=\"skip\" href=\"#calls\">Skip to the calls</a>\n")
        index(groups, calls, version: version, into: html)
        html.markup("<main id=\"calls\">\n")
        introduction(calls, into: html)
        for group in groups {
            html.markup("<h2 id=\"\(anchor(group))\">").text(group).markup("</h2>\n")
            for call in calls where call.call.group == group { section(call, types: types, into: html) }
        }
        html.markup("<h2 id=\"types\">Types</h2>\n")
        for (name, schema) in types.sorted(by: { $0.key < $1.key }) { type(name, schema, into: html) }
        html.markup("</main>\n</body>\n</html>\n")
        return html.output
    }

    private static func index(_ groups: [String], _ calls: [CallDescription], version: String, into html: HTMLText) {
        html.markup("<nav aria-label=\"Calls\">\n<p class=\"name\"><a href=\"#calls\">Catapult API</a> <small>").text(version).markup(
            "</small></p>\n")
        for group in groups {
            html.markup("<p><a href=\"#\(anchor(group))\">").text(group).markup("</a></p>\n<ul>\n")
            for call in calls.lazy.map(\.call) where call.group == group {
                html.markup("<li><a href=\"#\(call.name)\">\(badge(call.route.method)) <span>").text(call.summary).markup(
                    "</span></a></li>\n")
            }
            html.markup("</ul>\n")
        }
        html.markup("<p><a href=\"#types\">Types</a></p>\n</nav>\n")
    }

    private static func introduction(_ calls: [CallDescription], into html: HTMLText) {
        html.markup("<h1>Catapult API</h1>\n<p class=\"lead\">")
        html.text("\(calls.count) calls take a model from files to a running endpoint: register, version, build, deploy, measure. ")
        html.text("For programs there is the same as an ").markup("<a href=\"/api/openapi.json\">OpenAPI 3.1 document</a>.</p>\n<dl>\n")
        let facts = [
            (
                "Key",
                "Send it as `X-API-Key`, or as `Authorization: Bearer`. Roles: viewer, operator, admin; each may do what those before it may."
            ),
            (
                "Values",
                "Names are snake case. Times are RFC 3339 in UTC. In a request null counts as absent; in an answer every member is there."
            ),
            ("Unknown members", "They are accepted, and named in the header `X-Catapult-Ignored-Fields` of the answer."),
            ("Lists", "They page by `page` and `size`, or by `limit` and `offset`, which count rows."),
            (
                "Failures",
                "`detail` says what is wrong, `code` names it for programs, `hint` is the next step, `candidates` are near misses. "
                    + "With 422, `detail` is a list with every problem and its place."
            ),
        ]
        for (name, fact) in facts { html.markup("<dt>").text(name).markup("</dt><dd>").prose(fact).markup("</dd>\n") }
        html.markup("</dl>\n")
    }

    private static func section(_ description: CallDescription, types: [String: JSONSchema], into html: HTMLText) {
        let call = description.call
        html.markup("<section aria-labelledby=\"\(call.name)\">\n<h3 id=\"\(call.name)\"><a href=\"#\(call.name)\">").text(call.summary)
        html.markup("</a></h3>\n<p class=\"route\">\(badge(call.route.method)) <code>").text(call.route.path).markup(
            "</code></p>\n<p class=\"facts\">")
        switch call.access {
        case .open: html.text("no key needed")
        case .role(let role): html.text("needs ").markup("<b>").text(role.rawValue).markup("</b>")
        }
        html.markup(" <span class=\"\(call.effect.rawValue)\">").text(call.effect.rawValue).markup("</span> <code>").text(call.name).markup(
            "</code>")
        if let alias = call.route.alias { html.text(" older path ").markup("<code>").text(alias).markup("</code>") }
        html.markup("</p>\n")

        table("Parameters", description.path.map { ($0, "path") } + description.query.map { ($0, "query") }, into: html)
        table("Body", description.body.map { ($0, nil) }, into: html)
        if call.requestBody == .multipart {
            html.markup(
                "<p>The body is a form whose part <code>file</code> is the content, streamed; the parameters may be its other parts.</p>\n")
        } else if call.requestBody != .json {
            html.markup("<p>The body is the content itself, streamed: ").text(call.requestBody.mediaType).markup("</p>\n")
        }
        answer(description, types: types, into: html)
        html.markup("<pre tabindex=\"0\" aria-label=\"Example\"><code>").text(example(description, types: types)).markup(
            "</code></pre>\n</section>\n")
    }

    private static func answer(_ description: CallDescription, types: [String: JSONSchema], into html: HTMLText) {
        let statuses = description.failures.map { "\($0)" }.joined(separator: ", ")
        guard let output = description.output else {
            html.markup("<p>Answers <b>\(description.call.success)</b>, ").text(description.call.responseBody.mediaType)
            html.markup("; or \(statuses).</p>\n")
            return
        }
        html.markup("<p>Answers <b>\(description.call.success)</b>, ").markup(kind(output, rule: nil)).markup("; or \(statuses).</p>\n")
        guard let properties = properties(of: output, types: types), !properties.isEmpty else { return }
        html.markup("<details><summary>Fields of the answer</summary>\n")
        table(nil, properties.map { ($0, nil) }, showsRequired: false, into: html)
        html.markup("</details>\n")
    }

    private static func properties(of schema: JSONSchema, types: [String: JSONSchema]) -> [JSONSchema.Property]? {
        switch schema {
        case .object(let properties): properties
        case .reference(let name): types[name].flatMap { properties(of: $0, types: types) }
        case .array(let element): properties(of: element, types: types)
        default: nil
        }
    }

    private static func type(_ name: String, _ schema: JSONSchema, into html: HTMLText) {
        html.markup("<section aria-labelledby=\"\(anchor(name))\">\n<h3 id=\"\(anchor(name))\"><a href=\"#\(anchor(name))\">").text(name)
            .markup("</a></h3>\n")
        switch schema {
        case .object(let properties): table(nil, properties.map { ($0, nil) }, showsRequired: name.hasSuffix("Input"), into: html)
        default: html.markup("<p>").markup(kind(schema, rule: nil)).markup("</p>\n")
        }
        html.markup("</section>\n")
    }

    private static func table(
        _ caption: String?, _ rows: [(property: JSONSchema.Property, place: String?)], showsRequired: Bool = true, into html: HTMLText
    ) {
        guard !rows.isEmpty else { return }
        html.markup("<div class=\"scroll\"><table>\n")
        if let caption { html.markup("<caption>").text(caption).markup("</caption>\n") }
        html.markup(
            "<thead><tr><th scope=\"col\">Name</th><th scope=\"col\">Type</th><th scope=\"col\">Meaning</th></tr></thead>\n<tbody>\n")
        for (property, place) in rows {
            html.markup("<tr><th scope=\"row\"><code>").text(property.name).markup("</code>")
            if let place { html.markup(" <small>").text(place).markup("</small>") }
            if property.isRequired, showsRequired { html.markup(" <small class=\"required\">required</small>") }
            html.markup("</th><td>").markup(kind(property.schema, rule: property.rule)).markup("</td><td>").prose(property.description)
            switch property.rule {
            case .text(let rule), .texts(_, let rule): html.markup(" <small>").text("Allowed: \(rule.words).").markup("</small>")
            case .range, .length, nil: break
            }
            html.markup("</td></tr>\n")
        }
        html.markup("</tbody>\n</table></div>\n")
    }

    /// A schema in words, as markup.
    private static func kind(_ schema: JSONSchema, rule: Field.Rule?) -> String {
        let html = HTMLText()
        switch schema {
        case .any: html.text("any value")
        case .boolean: html.text("boolean")
        case .integer: html.text("integer")
        case .number: html.text("number")
        case .string(let format): html.text(format ?? "string")
        case .choice(let names): html.prose(names.map { "`\($0)`" }.joined(separator: " "))
        case .array(let element): html.text("list of ").markup(kind(element, rule: nil))
        case .map(of: .any): html.text("object")
        case .map(let value): html.text("object of ").markup(kind(value, rule: nil))
        case .object: html.text("object")
        case .reference(let name): html.markup("<a href=\"#\(anchor(name))\">").text(name).markup("</a>")
        case .nullable(let inner): html.markup(kind(inner, rule: nil)).text(" or null")
        }
        switch rule {
        case .range(let bounds):
            html.markup(" <small>").text("\(short(bounds.lowerBound)) to \(short(bounds.upperBound))").markup("</small>")
        case .length(let bounds), .texts(let bounds, _):
            let least = bounds.lowerBound == 0 ? "up" : "\(bounds.lowerBound)"
            html.markup(" <small>").text("\(least) to \(bounds.upperBound) \(unit(schema))").markup("</small>")
        case .text(let text): html.markup(" <small>").text("up to \(text.maximumLength) characters").markup("</small>")
        case nil: break
        }
        return html.output
    }

    private static func unit(_ schema: JSONSchema) -> String {
        switch schema {
        case .nullable(let inner): unit(inner)
        case .array: "elements"
        case .map: "members"
        default: "characters"
        }
    }

    private static func short(_ number: Double) -> String { Int64(exactly: number).map(String.init) ?? "\(number)" }

    /// The call as one curl command with the least that it needs.
    private static func example(_ description: CallDescription, types: [String: JSONSchema]) -> String {
        let call = description.call
        var path = call.route.path
        for segment in Route.segments(of: call.route.path) {
            switch segment {
            case .literal: break
            case .parameter(let name): path = path.replacing("{\(name)}", with: "$\(name.uppercased())")
            case .rest(let name): path = path.replacing("{\(name)...}", with: "$\(name.uppercased())")
            }
        }
        var words = ["curl"]
        if call.responseBody == .text || call.responseBody == .events { words.append("--no-buffer") }
        if call.route.method != .get { words.append("-X \(call.route.method.rawValue)") }
        words.append("\"http://localhost:8080\(path)\"")
        if call.access != .open { words.append("-H \"X-API-Key: $REGISTRY_API_KEY\"") }
        if call.requestBody == .multipart {
            words.append("-F file=@file")
        } else if call.requestBody != .json {
            words.append("--data-binary @file")
        }
        if !description.body.isEmpty {
            let required = description.body.filter(\.isRequired)
            let shown = required.isEmpty ? Array(description.body.prefix(1)) : required
            let members = shown.map { ($0.name, sample($0, types: types)) }
            let json = "{" + members.map { "\(JSONValue.string($0).jsonText): \($1.jsonText)" }.joined(separator: ", ") + "}"
            words.append("\\\n  -H 'Content-Type: application/json' -d '\(json)'")
        }
        return words.joined(separator: " ")
    }

    private static func sample(_ property: JSONSchema.Property, types: [String: JSONSchema]) -> JSONValue {
        switch property.schema {
        case .boolean: true
        case .integer, .number: 1
        case .choice(let names): .string(names.first ?? "")
        case .array: []
        case .map, .object, .any: [:]
        case .string(format: "date-time"): "2030-01-01T00:00:00Z"
        case .string: .string("<\(property.name)>")
        case .reference(let name):
            switch types[name] {
            case .choice(let names): .string(names.first ?? "")
            default: [:]
            }
        case .nullable(let inner): sample(JSONSchema.Property(name: property.name, schema: inner, isRequired: true), types: types)
        }
    }

    private static func badge(_ method: Route.Method) -> String {
        "<b class=\"method \(method.rawValue.lowercased())\">\(method.rawValue)</b>"
    }

    /// Calls begin with a small letter, groups and types do not collide: "Models" is a group, "Model" a type.
    private static func anchor(_ name: String) -> String { "about-\(name.replacing(" ", with: "-"))" }
}
