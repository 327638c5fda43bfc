import ArgumentParser
import CatapultAPI
import ModelFiles

/// `mcp model inspect`: what model files on this machine say, without a server.
struct ModelInspect: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Show what model files on this machine say of themselves; needs no server.",
        discussion: """
            Reads headers of GGUF and safetensors files, configuration, tokenizer, model card and license; never the weights. Each fact names \
            the file that says it.
            """
    )

    @Argument(help: "A GGUF or safetensors file, or a model's folder.", completion: .file())
    var path: String

    @OptionGroup var global: GlobalOptions

    func run(in session: Session) async throws {
        let files: [ModelFile]
        do {
            files = try ModelDirectory(path: path, boundary: Self.boundary(of: path)).files
        } catch {
            throw Complaint(.notFound, error.description)
        }
        let facts = ModelInspector.facts(of: files)
        guard facts != ModelFacts() else {
            throw Complaint(
                .failure, "no file in \(path) says anything of a model", hint: "Name a folder with config.json, or a GGUF file.")
        }
        let json = try JSONParser.parse(WireEncoder.encode(facts, nils: .omit))
        if session.output.format == .json { return session.output.json(json) }
        session.output.table(Self.table(json, facts))
        for problem in facts.problems { session.output.note("\(SafeText.line(problem.path)): \(SafeText.line(problem.reason))", .busy) }
    }

    /// Snapshots of a hub's cache link to the blobs beside them.
    private static func boundary(of path: String) -> String? {
        guard let real = LocalFiles.realPath(path) else { return nil }
        let parts = real.split(separator: "/")
        guard parts.count > 2, parts[parts.count - 2] == "snapshots" else { return nil }
        return "/" + parts.dropLast(2).joined(separator: "/")
    }

    /// One row per fact: its name, its value, the file.
    private static func table(_ json: JSONValue, _ facts: ModelFacts) -> Table {
        let members = (json.objectValue ?? [:]).filter { $0.key != "problems" }.sorted { $0.key < $1.key }
        return Table(
            columns: [.init(title: "FACT"), .init(title: "VALUE"), .init(title: "SAID BY")],
            rows: members.map { name, fact in
                [
                    .init(name.replacing("_", with: " ")), .init(SafeText.line(text(name, fact["value"] ?? .null, facts))),
                    .init(SafeText.line(fact["source"]?.stringValue ?? "")),
                ]
            })
    }

    private static func text(_ name: String, _ value: JSONValue, _ facts: ModelFacts) -> String {
        switch value {
        case .string(let text): text
        case .bool(let flag): flag ? "yes" : "no"
        case .int(let number) where name == "parameter_count": "\(facts.parameterText ?? "") (\(number))"
        case .int(let number) where name == "weight_bytes": ByteCount.text(number)
        case .array(let elements): elements.map { $0.stringValue ?? $0.jsonText }.joined(separator: ", ")
        default: value.jsonText
        }
    }
}
