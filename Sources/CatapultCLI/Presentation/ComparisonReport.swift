import CatapultAPI

/// What differs between two versions, as lines for people: `+` only in the second, `-` only in the first, `~` changed, `>` renamed.
struct ComparisonReport {
    private let comparison: VersionComparison

    init(_ comparison: VersionComparison) { self.comparison = comparison }

    /// The lines; with `isQuiet` only what differs, without words around it.
    func lines(_ style: Style, isQuiet: Bool) -> [String] {
        let sections = [
            files(style), values("fields", comparison.fields, style), values("metadata", comparison.metadata, style), dependencies(style),
        ]
        if isQuiet { return sections.flatMap { $0.dropFirst() } }
        let (a, b) = (SafeText.line(comparison.a.handle), SafeText.line(comparison.b.handle))
        var lines = [style.paint("--- \(a)", .bad), style.paint("+++ \(b)", .good)]
        if comparison.identical { return lines + ["no differences"] }
        for section in sections where !section.isEmpty { lines += section }
        return lines + [summary]
    }

    private func files(_ style: Style) -> [String] {
        let files = comparison.files
        guard !files.differences.isEmpty else { return [] }
        let sizes = files.differences.map(Self.sizes)
        let width = sizes.reduce(0) { max($0, SafeText.width($1)) }
        let lines = zip(files.differences, sizes).map { file, size in
            let space = String(repeating: " ", count: width - SafeText.width(size))
            let path = file.oldPath.map { "\($0) → \(file.path)" } ?? file.path
            return Self.line(file.change, "\(space)\(size)  \(path)", style)
        }
        return [style.paint("files", .strong)] + lines + (files.truncated ? [style.paint("  …", .dim)] : [])
    }

    private static func sizes(_ file: FileDifference) -> String {
        switch (file.oldSizeBytes, file.newSizeBytes) {
        case (let old?, let new?) where old != new: "\(ByteCount.text(old)) → \(ByteCount.text(new))"
        case (let old, let new): (new ?? old).map(ByteCount.text) ?? ""
        }
    }

    private func values(_ title: String, _ differences: [ValueDifference], _ style: Style) -> [String] {
        guard !differences.isEmpty else { return [] }
        let width = differences.reduce(0) { max($0, SafeText.width($1.name)) }
        let lines = differences.map { difference in
            let space = String(repeating: " ", count: width - SafeText.width(difference.name))
            let (old, new) = (Self.text(difference.old), Self.text(difference.new))
            let value =
                switch difference.change {
                case .added: new
                case .removed: old
                case .changed, .renamed: "\(old) → \(new)"
                }
            return Self.line(difference.change, "\(difference.name)\(space)  \(value)", style)
        }
        return [style.paint(title, .strong)] + lines
    }

    private static func text(_ value: JSONValue) -> String {
        let text = value.stringValue ?? value.jsonText
        return text.count > 80 ? "\(text.prefix(79))…" : text
    }

    private func dependencies(_ style: Style) -> [String] {
        guard !comparison.dependencies.isEmpty else { return [] }
        return [style.paint("dependencies", .strong)]
            + comparison.dependencies.map { difference in
                let target = difference.oldTarget.map { "\($0) → \(difference.target)" } ?? difference.target
                return Self.line(difference.change, "\(difference.kind.rawValue)  \(target)", style)
            }
    }

    private static func line(_ change: Difference, _ text: String, _ style: Style) -> String {
        let (mark, tint): (String, Style.Tint) =
            switch change {
            case .added: ("+", .good)
            case .removed: ("-", .bad)
            case .changed: ("~", .busy)
            case .renamed: (">", .busy)
            }
        return style.paint("  \(mark) \(SafeText.line(text))", tint)
    }

    /// The counts in one line.
    private var summary: String {
        let files = comparison.files
        let difference = files.newSizeBytes - files.oldSizeBytes
        let size = difference == 0 ? "same size" : "\(difference > 0 ? "+" : "-")\(ByteCount.text(abs(difference)))"
        return "files: \(files.added) added, \(files.removed) removed, \(files.changed) changed, \(files.renamed) renamed, "
            + "\(files.unchanged) unchanged, \(size)"
    }
}
