import ArgumentParser

/// What somebody may have meant by a command that there is not.
enum CommandSuggestion {
    /// A hint that names the nearest command, or nil where all words are commands or nothing is near.
    static func hint(for arguments: [String]) -> String? {
        var command: any ParsableCommand.Type = CatapultTool.self
        for word in arguments {
            let below = subcommands(of: command)
            guard !below.isEmpty, !word.hasPrefix("-") else { return nil }
            guard let next = below.first(where: { $0._commandName == word }) else {
                let near = below.map { ($0._commandName, distance($0._commandName, word)) }.filter { $0.1 <= 2 }.min { $0.1 < $1.1 }
                return near.map { "Did you mean `\($0.0)`?" }
            }
            command = next
        }
        return nil
    }

    private static func subcommands(of command: any ParsableCommand.Type) -> [any ParsableCommand.Type] {
        command.configuration.subcommands + command.configuration.groupedSubcommands.flatMap(\.subcommands)
    }

    /// Insertions, deletions and replacements of one character, and swaps of two neighbours, that lead from one word to the other
    /// (optimal string alignment).
    private static func distance(_ left: String, _ right: String) -> Int {
        let (left, right) = (Array(left), Array(right))
        var rows = [Array(0...right.count)]
        for i in left.indices {
            var row = [i + 1]
            for j in right.indices {
                var best = min(rows[i][j + 1] + 1, row[j] + 1, rows[i][j] + (left[i] == right[j] ? 0 : 1))
                if i > 0, j > 0, left[i] == right[j - 1], left[i - 1] == right[j] { best = min(best, rows[i - 1][j - 1] + 1) }
                row.append(best)
            }
            rows.append(row)
        }
        return rows[left.count][right.count]
    }
}
