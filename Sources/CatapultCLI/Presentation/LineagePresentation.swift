import Catapult
import CatapultAPI

extension VersionAlias: Presented {
    var handle: String { "\(modelName):\(alias)" }

    static let columns: [Table.Column] = [
        .init(title: "ALIAS"), .init(title: "VERSION"), .init(title: "STATUS"), .init(title: "MOVED"), .init(title: "BY"),
        .init(title: "REASON"),
    ]

    func row(now: Timestamp) -> [Table.Cell] {
        [
            isComputed ? .init(alias, tint: .dim) : .init(alias), .init(named), .state(status.rawValue),
            .init(RelativeTime.text(movedAt, now: now)), .init(isComputed ? "computed" : movedBy), .init(reason),
        ]
    }

    func facts(now: Timestamp) -> [Fact] {
        [
            Fact("alias", handle), Fact("version", named), .state("status", status.rawValue), Fact("id", versionID),
            Fact("moved", RelativeTime.text(movedAt, now: now)), Fact("by", isComputed ? "computed" : movedBy), Fact("reason", reason),
        ].compactMap { $0 }
    }

    private var named: String { version + (quantization.map { " (\($0))" } ?? "") }
}

extension AliasMove: Presented {
    var handle: String { id }

    static let columns: [Table.Column] = [
        .init(title: "MOVED"), .init(title: "FROM"), .init(title: "TO"), .init(title: "BY"), .init(title: "REASON"),
    ]

    func row(now: Timestamp) -> [Table.Cell] {
        [.init(RelativeTime.text(movedAt, now: now)), .init(fromVersion), .init(toVersion), .init(movedBy), .init(reason)]
    }

    func facts(now: Timestamp) -> [Fact] {
        [
            Fact("alias", alias), Fact("from", fromVersion), Fact("to", toVersion), Fact("moved", RelativeTime.text(movedAt, now: now)),
            Fact("by", movedBy), Fact("reason", reason),
        ].compactMap { $0 }
    }
}

extension Dependency: Presented {
    var handle: String { target }

    static let columns: [Table.Column] = [
        .init(title: "KIND"), .init(title: "DEPENDS ON"), .init(title: "TYPE"), .init(title: "NOTE"), .init(title: "ADDED"),
        .init(title: "ID", isFixed: true),
    ]

    func row(now: Timestamp) -> [Table.Cell] {
        [
            .init(kind.rawValue), .init(target), .init(targetType.rawValue), .init(note ?? (name == nil ? nil : url)),
            .init(RelativeTime.text(createdAt, now: now)), .init(id, tint: .dim),
        ]
    }

    func facts(now: Timestamp) -> [Fact] {
        [
            Fact("version", version), Fact("kind", kind.rawValue), Fact("depends on", target), Fact("type", targetType.rawValue),
            Fact("url", url), Fact("purl", purl), Fact("note", note), Fact("id", id), Fact("by", createdBy),
            Fact("added", RelativeTime.text(createdAt, now: now)),
        ].compactMap { $0 }
    }
}

extension Reference: Presented {
    var handle: String { name }

    static let columns: [Table.Column] = [
        .init(title: "REFERENCE"), .init(title: "NAME"), .init(title: "REFERS TO"), .init(title: "FORCE REMOVES IT"),
    ]

    func row(now: Timestamp) -> [Table.Cell] { [.init(kind.rawValue), .init(name), .init(refersTo), .yes(removable)] }

    func facts(now: Timestamp) -> [Fact] {
        [Fact("reference", kind.rawValue), Fact("name", name), Fact("id", id), Fact("refers to", refersTo)].compactMap { $0 }
    }
}

extension Output {
    /// Says what a step in the life of a version changes, or would change.
    func transition(_ transition: VersionTransition) throws {
        transition.warnings.forEach { note("warning: \(SafeText.line($0))", .busy) }
        if format == .json { return try json(transition) }
        if isQuiet { return line(transition.version.handle) }
        guard !transition.changes.isEmpty else {
            return line("nothing to change: \(SafeText.line(transition.version.handle)) is so already")
        }
        for change in transition.changes { line((transition.dryRun ? "would: " : "") + SafeText.line(change.summary)) }
    }

    /// Shows a request that a dry run does not send.
    func request(_ request: WireRequest) throws {
        if format == .json {
            return json([
                "dry_run": true,
                "request": ["method": .string(request.method.rawValue), "path": .string(request.path), "body": request.body ?? .null],
            ])
        }
        line("would send \(request.method.rawValue) \(request.path)" + (request.body.map { "\n\($0.indentedText)" } ?? ""))
    }

    /// Shows, on standard error, what stands in the way of a delete.
    func references(_ references: References, of subject: String) {
        guard references.total > 0 else { return }
        Self.table(of: references).lines(width: nil, style: noteStyle).forEach { note($0) }
        note(Self.verdict(references, subject), .busy)
    }

    /// Says what a delete would do, and what stands in its way.
    func plan(_ references: References, of subject: String) throws {
        if format == .json { return try json(references) }
        if isQuiet { return references.items.forEach { line($0.handle) } }
        if references.total > 0 { table(Self.table(of: references)) }
        line(references.total == 0 ? "would delete \(subject); nothing refers to it" : Self.verdict(references, subject))
    }

    private static func table(of references: References) -> Table {
        // References have no time.
        Table(columns: Reference.columns, rows: references.items.map { $0.row(now: Timestamp(microseconds: 0)) })
    }

    private static func verdict(_ references: References, _ subject: String) -> String {
        let count = references.total > references.items.count ? "\(references.items.count) of \(references.total) references shown; " : ""
        return references.blocking > 0
            ? "\(count)\(subject) cannot be deleted while deployments or operations refer to it"
            : "\(count)\(subject) can be deleted by an admin with --force, which removes these references"
    }
}

extension Reference {
    /// What became of it when the thing that it referred to was deleted by force.
    var farewell: String {
        switch kind {
        case .alias: "the alias \(name) is gone; it pointed at \(refersTo)"
        case .dependent: "\(name) no longer depends on \(refersTo)"
        case .deployment, .operation: "\(name) is gone; it used \(refersTo)"
        }
    }
}
