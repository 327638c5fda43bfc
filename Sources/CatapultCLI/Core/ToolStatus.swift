/// How the process ends. Scripts may rely on these numbers.
enum ToolStatus: Int32, CaseIterable, Sendable {
    case success = 0
    case failure = 1
    case usage = 2
    case notFound = 3
    case conflict = 4
    case notPermitted = 5
    case unavailable = 6
    case operationFailed = 7
    case interrupted = 130
    case readerGone = 141

    /// What it means, for `mcp help exit-codes`.
    var meaning: String {
        switch self {
        case .success: "Done."
        case .failure: "Something else went wrong."
        case .usage: "The command line, a setting or a context cannot be understood."
        case .notFound: "What was named does not exist."
        case .conflict: "It conflicts with what there is, or a value is not allowed."
        case .notPermitted: "No valid API key, or a role that is too low."
        case .unavailable: "Server, container engine or endpoint cannot be reached or used now."
        case .operationFailed: "The build or deploy that was waited for failed or was cancelled."
        case .interrupted: "Interrupted by Ctrl-C; what runs on the server goes on."
        case .readerGone: "The reader of the output went away."
        }
    }

    /// All of them as lines of help.
    static var help: String {
        allCases.map { status in
            let number = String(status.rawValue)
            return String(repeating: " ", count: 5 - number.count) + number + "  " + status.meaning
        }.joined(separator: "\n")
    }
}
