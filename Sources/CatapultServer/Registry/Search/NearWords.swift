/// Words that differ by one slip of a finger.
enum NearWords {
    private static let alphabet = Array("abcdefghijklmnopqrstuvwxyz0123456789")

    /// Every word that is one letter away: one too few, one too many, one wrong, two swapped. About 75 for each letter of the word, so
    /// asking an index for all of them is cheaper than keeping an index of slips.
    static func around(_ word: String) -> Set<String> {
        let letters = Array(word)
        guard (3...24).contains(letters.count) else { return [] }
        var words: Set<String> = []
        for index in 0...letters.count {
            for letter in alphabet { words.insert(String(letters[..<index] + [letter] + letters[index...])) }
            guard index < letters.count else { continue }
            words.insert(String(letters[..<index] + letters[(index + 1)...]))
            for letter in alphabet { words.insert(String(letters[..<index] + [letter] + letters[(index + 1)...])) }
            guard index + 1 < letters.count else { continue }
            words.insert(String(letters[..<index] + [letters[index + 1], letters[index]] + letters[(index + 2)...]))
        }
        words.remove(word)
        return words
    }

    /// Insertions, deletions, replacements and swaps of neighbours that lead from one word to the other (optimal string alignment).
    static func distance(_ left: String, _ right: String) -> Int {
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
