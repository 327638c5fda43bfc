/// A table for people: columns of text, aligned, cut to the width of the terminal. A pure value.
struct Table: Sendable, Equatable {
    /// One column.
    struct Column: Sendable, Equatable {
        var title: String
        /// Numbers stand to the right.
        var isNumber = false
        /// Never cut: ids that people copy.
        var isFixed = false
    }

    /// One cell.
    struct Cell: Sendable, Equatable, ExpressibleByStringInterpolation {
        var text: String
        var tint: Style.Tint?

        init(_ text: String?, tint: Style.Tint? = nil) {
            self.text = text.map(SafeText.line) ?? "–"
            self.tint = text == nil ? .dim : tint
        }

        init(stringLiteral value: String) { self.init(value) }

        /// The name of a state, in its colour.
        static func state(_ name: String) -> Cell { Cell(name, tint: .state(name)) }
        static func number(_ number: Int) -> Cell { Cell("\(number)") }
        static func yes(_ flag: Bool) -> Cell { flag ? Cell("yes", tint: .good) : Cell("no", tint: .dim) }
    }

    var columns: [Column]
    var rows: [[Cell]]

    /// The narrowest that a column is cut to.
    private static let narrowest = 8
    private static let gap = "  "

    /// The table as lines, without spaces at their ends.
    ///
    /// - Parameters:
    ///   - width: columns of the terminal; nil cuts nothing.
    ///   - style: whether and how to colour.
    func lines(width: Int?, style: Style) -> [String] {
        let widths = self.widths(within: width)
        func line(_ cells: [Cell]) -> String {
            var parts = ""
            for (index, cell) in cells.enumerated() {
                let text = SafeText.fit(cell.text, widths[index])
                let space = String(repeating: " ", count: widths[index] - SafeText.width(text))
                let painted = style.paint(text, cell.tint)
                let isLast = index == cells.count - 1
                parts += columns[index].isNumber ? space + painted : painted + (isLast ? "" : space)
                if !isLast { parts += Self.gap }
            }
            return parts
        }
        let heading = line(columns.map { Cell($0.title, tint: .strong) })
        return ([heading] + rows.map(line)).map { line in
            guard let end = line.lastIndex(where: { $0 != " " }) else { return "" }
            return String(line[...end])
        }
    }

    /// The natural widths; where they are too much, the widest column that may be cut gives way first.
    private func widths(within limit: Int?) -> [Int] {
        var widths = columns.indices.map { index in
            rows.reduce(SafeText.width(columns[index].title)) { max($0, SafeText.width($1[index].text)) }
        }
        guard let limit else { return widths }
        var excess = widths.reduce(0, +) + Self.gap.count * max(0, columns.count - 1) - limit
        while excess > 0 {
            let candidates = columns.indices.filter { !columns[$0].isFixed && widths[$0] > Self.narrowest }
            guard let widest = candidates.max(by: { widths[$0] < widths[$1] }) else { break }
            widths[widest] -= 1
            excess -= 1
        }
        return widths
    }
}
