import ArgumentParser
import Catapult
import CatapultAPI

/// `mcp search`.
struct SearchCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "search", abstract: "Search models, versions, deployments and artifacts.",
        discussion: """
            All words must occur; the last one may be the beginning of a word. "A phrase" in quotes, word* for a beginning, -word for none \
            of it. Fields: name, tag, server_type, status, environment, source, license, release, alias, quantization (field:value), and \
            created, size and params, which also take > >= < <=. Put -- before a query that begins with a minus.

              mcp search llama tag:prod 'params>7B'
              mcp search --type version 'quantization:Q4_K_M' 'size<10GB'
            """
    )

    @Argument(help: "What to search for.") var query: [String]
    @Option(name: .customLong("type"), help: ArgumentHelp("Only this kind; may be repeated.", valueName: "type")) var types: [SearchType] =
        []
    @Option(help: ArgumentHelp("Hits to show, 1 to 100.", valueName: "n")) var limit = 20
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard (1...100).contains(limit) else { throw ValidationError("--limit is \(limit); 1 to 100 are allowed") }
        guard !query.isEmpty else { throw ValidationError("give something to search for") }
    }

    func run(in session: Session) async throws {
        let call = Search(q: query.joined(separator: " "), types: types.isEmpty ? nil : types.map(\.rawValue), limit: limit)
        let results = try await session.connect().send(call)
        let output = session.output
        if output.format == .json { return try output.json(results) }
        if output.isQuiet { return results.hits.forEach { output.line($0.name) } }
        for correction in results.corrections {
            output.note(SafeText.line("nothing matches \"\(correction.word)\"; these match \"\(correction.instead)\""), .busy)
        }
        for hit in results.hits {
            SearchHitText(hit, style: output.style).lines(width: session.surroundings.output.width()).forEach(output.line)
        }
        output.note(SearchHitText.summary(results), .dim)
    }
}

extension SearchType: ExpressibleByArgument {
    /// The type in the singular or the plural.
    public init?(argument: String) { self.init(rawValue: argument.hasSuffix("s") ? String(argument.dropLast()) : argument) }
}

/// A hit as lines for a terminal. Everything that others wrote passes through ``SafeText``; the places of the words are painted after.
struct SearchHitText {
    let hit: SearchHit
    let style: Style

    init(_ hit: SearchHit, style: Style) {
        self.hit = hit
        self.style = style
    }

    /// The name with its kind, then the other texts that matched, indented.
    func lines(width: Int?) -> [String] {
        let named = hit.highlights.first { $0.text == hit.name }
        let head =
            style.paint(hit.type.rawValue, .dim) + "  " + marked(named?.text ?? hit.name, named?.ranges ?? [], width: nil) + "  "
            + style.paint(SafeText.line(hit.subtitle), .dim)
        let others = hit.highlights.filter { $0 != named }.prefix(2).map { highlight in
            "    " + style.paint(SafeText.line(highlight.field) + ":", .dim) + " "
                + marked(highlight.text, highlight.ranges, width: width.map { max(20, $0 - highlight.field.count - 6) })
        }
        return [head] + others
    }

    /// The text with its matches painted, cut to a width.
    private func marked(_ text: String, _ ranges: [SearchRange], width: Int?) -> String {
        let scalars = Array(text.unicodeScalars)
        var line = ""
        var left = width ?? .max
        func add(_ part: ArraySlice<Unicode.Scalar>, _ tint: Style.Tint?) {
            let safe = SafeText.line(String(String.UnicodeScalarView(part)))
            let shown = left == .max ? safe : SafeText.fit(safe, left)
            if left != .max { left -= SafeText.width(shown) }
            line += style.paint(shown, tint)
        }
        var place = 0
        for range in ranges where range.start >= place && range.end <= scalars.count && range.start < range.end {
            add(scalars[place..<range.start], nil)
            add(scalars[range.start..<range.end], .strong)
            place = range.end
        }
        add(scalars[place...], nil)
        return line
    }

    /// How many there are of each kind.
    static func summary(_ results: SearchResults) -> String {
        let counts = results.counts.filter { $0.count > 0 }.map { count in
            "\(count.exact ? "" : "more than ")\(count.count) \(count.type.rawValue)\(count.count == 1 ? "" : "s")"
        }
        if counts.isEmpty { return "Nothing found." }
        let found = "\(results.hits.count) shown; found \(counts.joined(separator: ", "))"
        return found + (results.bounded ? ". These are the best of the newest: add words to find others." : ".")
    }
}
