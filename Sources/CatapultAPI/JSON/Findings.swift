/// What a checking decoder finds on its way through a request: everything that is wrong, and the members that mean nothing.
///
/// Without it a decoder stops at the first problem; with it, it notes the problem, goes on with a placeholder, and the
/// value that comes out is thrown away. One answer then tells a client all that there is to mend.
final class Findings {
    /// A client mends a few things at a time; a hostile one must not be able to ask for a million lines.
    static let maximumProblems = 50
    static let maximumIgnored = 32

    private(set) var problems: [FieldProblem] = []
    private(set) var ignored: [String] = []
    /// Where the members of the outermost object came from; absent means `defaultPart`.
    let parts: [String: FieldProblem.Part]
    let defaultPart: FieldProblem.Part
    /// The described members of each type that was met, by wire name: a list of files has one type and many elements.
    private var tables: [ObjectIdentifier: [String: Field]] = [:]

    init(parts: [String: FieldProblem.Part], defaultPart: FieldProblem.Part) {
        self.parts = parts
        self.defaultPart = defaultPart
    }

    /// Notes a problem; the first one at a place says enough.
    func add(_ problem: FieldProblem) {
        guard problems.count < Self.maximumProblems, !problems.contains(where: { $0.location == problem.location }) else { return }
        problems.append(problem)
    }

    /// Notes a member that is accepted and means nothing. Names are foreign text that ends up in a header: only visible ASCII stays.
    func ignore(_ path: [String]) {
        guard ignored.count < Self.maximumIgnored else { return }
        let name = path.joined(separator: ".").unicodeScalars.prefix(64).map { scalar in
            ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar) || ("0"..."9").contains(scalar)
                || "._-".unicodeScalars.contains(scalar)
                ? Character(scalar) : "?"
        }
        ignored.append(String(name))
    }

    /// Holds the members of an object against the rules of its type.
    func check(_ members: [String: JSONValue], of type: any Documented.Type, at path: [String], part: (String) -> FieldProblem.Part) {
        let table = table(of: type)
        for (name, value) in members.sorted(by: { $0.key < $1.key }) {
            guard let field = table[name] else {
                ignore(path + [name])
                continue
            }
            guard let rule = field.rule, let problem = rule.problem(with: value, at: path + [name], part: part(name)) else { continue }
            add(problem)
        }
    }

    private func table(of type: any Documented.Type) -> [String: Field] {
        if let table = tables[ObjectIdentifier(type)] { return table }
        let table = Dictionary(type.fields.map { (WireName.snakeCase($0.key), $0.value) }) { first, _ in first }
        tables[ObjectIdentifier(type)] = table
        return table
    }
}
