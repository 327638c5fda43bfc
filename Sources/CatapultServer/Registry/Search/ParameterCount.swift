/// A number of parameters as people write it: `70B`, `7.2B`, `135M`, `8x7B`, `1,300,000`, `7 billion`.
enum ParameterCount {
    /// The number, or nil where the text is none. Units are powers of 1000.
    static func parse(_ text: String) -> Int64? {
        let units: [String: Double] = [
            "": 1, "k": 1e3, "thousand": 1e3, "m": 1e6, "mn": 1e6, "million": 1e6, "b": 1e9, "bn": 1e9, "billion": 1e9, "t": 1e12,
            "trillion": 1e12,
        ]
        var text = SearchText.folded(text).replacing(",", with: "")
        for suffix in ["parameters", "params"] where text.hasSuffix(suffix) {
            text = String(text.dropLast(suffix.count))
        }
        text = text.replacing(" ", with: "")
        let factors = text.split(separator: "x", omittingEmptySubsequences: false)
        guard let last = factors.last, (1...2).contains(factors.count) else { return nil }
        let digits = last.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        guard let value = Double(digits), let unit = units[String(last.dropFirst(digits.count))] else { return nil }
        var experts = 1.0
        if factors.count == 2 {
            guard let count = Int(factors[0]), (1...10_000).contains(count) else { return nil }
            experts = Double(count)
        }
        return Int64(exactly: (experts * value * unit).rounded())
    }
}
