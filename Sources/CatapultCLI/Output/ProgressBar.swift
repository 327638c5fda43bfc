/// A line that says how far something has come. A pure value.
struct ProgressBar: Sendable, Equatable {
    /// What is going on.
    var label: String
    /// Share that is done, 0 to 1; nil where nobody knows.
    var fraction: Double?
    /// Numbers beside the bar, such as `1.2 of 4.0 GiB`.
    var detail = ""

    /// The line, no wider than the terminal.
    func text(width: Int, style: Style) -> String {
        let barWidth = 24
        guard let fraction, width >= 60 else {
            return SafeText.fit(SafeText.line([label, detail].filter { !$0.isEmpty }.joined(separator: " ")), width)
        }
        let clamped = min(1, max(0, fraction))
        let filled = Int((clamped * Double(barWidth)).rounded(.down))
        let percent = "\(Int((clamped * 100).rounded(.down)))%"
        let tail = String(repeating: " ", count: 4 - percent.count) + percent + (detail.isEmpty ? "" : "  " + detail)
        let labelWidth = max(8, width - barWidth - SafeText.width(tail) - 4)
        let shown = SafeText.fit(SafeText.line(label), labelWidth)
        let bar =
            style.paint(String(repeating: "━", count: filled), .good) + style.paint(String(repeating: "━", count: barWidth - filled), .dim)
        return "\(bar) \(tail)  \(shown)"
    }
}
