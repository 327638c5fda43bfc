/// Turns the parts of a request into the call that they make, or into one error that names everything that is wrong with them.
public enum RequestDecoder {
    /// The call that a request makes.
    ///
    /// - Parameters:
    ///   - path: the path parameters by wire name, percent-decoded.
    ///   - query: the query parameters in order, percent-decoded; a repeated name makes an array.
    ///   - body: the whole body where `hasBody`; empty or nil counts as `{}`. Otherwise it is not looked at.
    /// - Returns: the call, and the names of members that were sent but mean nothing to it, sorted, in characters that a header may hold.
    /// - Throws: 422 with every missing member, wrong kind, unknown choice and broken rule, each with its place.
    public static func decode<Call: APICall>(
        _ type: Call.Type, path: [String: String], query: [(String, String)], body: [UInt8]?
    ) throws(CatapultError) -> (call: Call, ignored: [String]) {
        var members = Call.hasBody ? try object(body ?? []) : [:]
        var unused: Set<String> = []
        var parts: [String: FieldProblem.Part] = [:]
        for field in Call.queryFields { parts[WireName.snakeCase(field)] = .query }
        for name in parts.keys where members.removeValue(forKey: name) != nil { unused.insert(name) }
        for (name, value) in query {
            guard !Call.hasBody || parts[name] == .query else {
                unused.insert(name)
                continue
            }
            switch members[name] {
            case nil: members[name] = .string(value)
            case .array(let earlier): members[name] = .array(earlier + [.string(value)])
            case .some(let earlier): members[name] = [earlier, .string(value)]
            }
        }
        for name in Call.route.parameters {
            let value = path[name].map(JSONValue.string)
            if let sent = members.updateValue(value ?? .null, forKey: name), sent != value { unused.insert(name) }
            parts[name] = .path
        }
        let findings = Findings(parts: parts, defaultPart: Call.hasBody ? .body : .query)
        for name in unused { findings.ignore([name]) }
        for group in Call.alternatives.map({ $0.map(WireName.snakeCase) }) where group.allSatisfy({ (members[$0] ?? .null) == .null }) {
            findings.add(.missing(anyOf: group, part: parts[group[0]] ?? findings.defaultPart))
        }
        let call = try WireDecoder.check(type, from: .object(members), findings: findings)
        return (call, findings.ignored.sorted())
    }

    private static func object(_ body: [UInt8]) throws(CatapultError) -> [String: JSONValue] {
        guard !body.isEmpty else { return [:] }
        do {
            let value = try JSONParser.parse(body)
            guard case .object(let members) = value else {
                throw CatapultError.unprocessable([
                    FieldProblem(kind: .object, location: [], message: "must be an object, but is \(value.kind)", input: value)
                ])
            }
            return members
        } catch let failure as JSONParser.Failure {
            throw .unprocessable([
                FieldProblem(
                    kind: .json, location: ["\(failure.offset)"],
                    message: "the body is not JSON: \(failure.reason), at byte \(failure.offset)")
            ])
        } catch let error as CatapultError {
            throw error
        } catch {
            throw .unprocessable([FieldProblem(kind: .json, location: [], message: "the body is not JSON")])
        }
    }
}
