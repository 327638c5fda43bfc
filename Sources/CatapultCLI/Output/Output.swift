import CatapultAPI

/// A thing that the command line can show.
protocol Presented: Codable, Sendable {
    /// What `--quiet` prints: the name that other commands take, or the id where there is no name.
    var handle: String { get }
    /// The columns of a list.
    static var columns: [Table.Column] { get }
    /// The row in a list.
    func row(now: Timestamp) -> [Table.Cell]
    /// Name and value of what `show` shows, in order.
    func facts(now: Timestamp) -> [Fact]
}

/// One line of `show`.
struct Fact: Sendable, Equatable {
    var name: String
    var value: Table.Cell

    /// A fact, unless there is nothing to say.
    init?(_ name: String, _ value: String?, tint: Style.Tint? = nil) {
        guard let value, !value.isEmpty else { return nil }
        self.name = name
        self.value = Table.Cell(value, tint: tint)
    }

    /// The name of a state, in its colour.
    static func state(_ name: String, _ value: String) -> Fact? { Fact(name, value, tint: .state(value)) }
}

/// Writes results in the form that was asked for: tables for people, JSON for programs, names alone with `--quiet`.
struct Output: Sendable {
    let format: OutputFormat
    let isQuiet: Bool
    let style: Style
    /// The style of notes on standard error.
    let noteStyle: Style
    private let surroundings: Surroundings

    init(options: GlobalOptions, surroundings: Surroundings) {
        format = options.format
        isQuiet = options.quiet
        func style(_ sink: Sink) -> Style {
            Style(isTerminal: sink.isTerminal, environment: surroundings.environment, noColor: options.noColor)
        }
        self.style = style(surroundings.output)
        noteStyle = style(surroundings.errors)
        self.surroundings = surroundings
    }

    /// True where words for people belong on standard output.
    var isForPeople: Bool { format == .table && !isQuiet }

    /// Writes text as it is.
    func text(_ text: String) { surroundings.output.write(text) }

    /// Writes a line as it is.
    func line(_ text: String) { surroundings.output.line(text) }

    /// Says something besides the result, on standard error; silent with `--quiet`.
    func note(_ text: String, _ tint: Style.Tint? = nil) {
        guard !isQuiet else { return }
        surroundings.errors.line(noteStyle.paint(text, tint))
    }

    /// Writes a value of the contract as JSON: on one line for programs, indented for people.
    func json(_ value: some Encodable) throws { json(try JSONParser.parse(WireEncoder.encode(value))) }

    func json(_ value: JSONValue) { surroundings.output.line(surroundings.output.isTerminal ? value.indentedText : value.jsonText) }

    /// Writes a page of a list.
    func list<Row: Presented>(_ page: Page<Row>, empty: String) throws {
        try list(page.items, answer: page, empty: empty)
        guard isForPeople, page.total > page.items.count else { return }
        let next = page.page < page.pages ? "; next: --page \(page.page + 1)" : ""
        note("\(page.items.count) of \(page.total), page \(page.page) of \(page.pages)\(next)", .dim)
    }

    /// Writes a list that comes without an envelope.
    func list<Row: Presented>(_ rows: [Row], empty: String) throws { try list(rows, answer: rows, empty: empty) }

    private func list<Row: Presented>(_ rows: [Row], answer: some Encodable, empty: String) throws {
        if format == .json { return try json(answer) }
        if isQuiet { return rows.forEach { line($0.handle) } }
        guard !rows.isEmpty else { return note(empty) }
        table(Table(columns: Row.columns, rows: rows.map { $0.row(now: surroundings.now()) }))
    }

    /// Writes a table.
    func table(_ table: Table) { table.lines(width: surroundings.output.width(), style: style).forEach(line) }

    /// Shows one thing.
    func show<Thing: Presented>(_ thing: Thing) throws {
        if format == .json { return try json(thing) }
        if isQuiet { return line(thing.handle) }
        facts(thing.facts(now: surroundings.now()))
    }

    /// Writes names and values in two columns.
    func facts(_ facts: [Fact]) {
        let width = facts.reduce(0) { max($0, SafeText.width($1.name)) }
        for fact in facts {
            let space = String(repeating: " ", count: width - SafeText.width(fact.name) + 2)
            line(style.paint(fact.name, .dim) + space + style.paint(fact.value.text, fact.value.tint))
        }
    }

    /// Says that something was done to a thing: a sentence for people, the thing for programs.
    func done<Thing: Presented>(_ thing: Thing, _ sentence: String) throws {
        if format == .json { return try json(thing) }
        line(isQuiet ? thing.handle : sentence)
    }

    /// Says that a thing is gone, and what went with it.
    func gone(_ deletion: Deletion, _ sentence: String) throws {
        if format == .json { return try json(deletion) }
        line(isQuiet ? deletion.deletedID : sentence)
        guard !isQuiet else { return }
        for reference in deletion.released ?? [] { line(SafeText.line(reference.farewell)) }
    }
}

extension JSONValue {
    /// The JSON text with two spaces per level, members sorted by name.
    var indentedText: String {
        var text = ""
        write(to: &text, level: 0)
        return text
    }

    private func write(to text: inout String, level: Int) {
        let inner = String(repeating: "  ", count: level + 1)
        let outer = String(repeating: "  ", count: level)
        switch self {
        case .array(let elements) where !elements.isEmpty:
            text += "["
            for (index, element) in elements.enumerated() {
                text += (index == 0 ? "\n" : ",\n") + inner
                element.write(to: &text, level: level + 1)
            }
            text += "\n\(outer)]"
        case .object(let members) where !members.isEmpty:
            text += "{"
            for (index, member) in members.sorted(by: { $0.key < $1.key }).enumerated() {
                text += (index == 0 ? "\n" : ",\n") + inner + JSONValue.string(member.key).jsonText + ": "
                member.value.write(to: &text, level: level + 1)
            }
            text += "\n\(outer)}"
        default: text += jsonText
        }
    }
}
