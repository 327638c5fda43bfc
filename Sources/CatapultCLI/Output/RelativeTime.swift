import CatapultAPI

/// Times as people say them.
enum RelativeTime {
    /// `just now`, `5 min ago`, `in 3 h`; a date once it is more than 60 days away.
    static func text(_ moment: Timestamp, now: Timestamp) -> String {
        let seconds = (moment - now).components.seconds
        let distance = abs(seconds)
        guard distance >= 5 else { return "just now" }
        guard distance < 60 * 86_400 else { return String(moment.description.prefix(10)) }
        let amount = span(seconds: distance)
        return seconds < 0 ? "\(amount) ago" : "in \(amount)"
    }

    /// `12 s`, `5 min`, `3 h`, `4 d`.
    private static func span(seconds: Int64) -> String {
        switch seconds {
        case ..<60: "\(seconds) s"
        case ..<3_600: "\(seconds / 60) min"
        case ..<86_400: "\(seconds / 3_600) h"
        default: "\(seconds / 86_400) d"
        }
    }
}
