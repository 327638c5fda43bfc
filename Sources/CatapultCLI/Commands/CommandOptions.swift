import ArgumentParser
import CatapultAPI

/// The options of lists.
struct PageOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Rows to show, 1 to 100.", valueName: "n"))
    var limit = 20

    @Option(help: ArgumentHelp("Page to show, from 1.", valueName: "n"))
    var page = 1

    func validate() throws {
        guard (1...100).contains(limit) else { throw ValidationError("--limit is \(limit); 1 to 100 are allowed") }
        guard page >= 1 else { throw ValidationError("--page is \(page); pages count from 1") }
    }
}

/// The option of commands that take something away.
struct ConfirmOptions: ParsableArguments {
    @Flag(name: [.customShort("y"), .long], help: "Do not ask.")
    var yes = false
}

/// The options of commands that start work on the server.
struct WaitOptions: ParsableArguments {
    @Flag(help: "Do not wait for the end; the operation goes on.")
    var detach = false

    @Option(help: ArgumentHelp("Stop waiting after this time; the operation goes on.", valueName: "duration"))
    var timeout: TimeSpan?
}

/// A time on the command line: `5s`, `250ms`, `2m`, `1h`, `30d`.
struct TimeSpan: ExpressibleByArgument, Sendable, Equatable {
    var duration: Duration

    init?(argument: String) {
        let number = argument.prefix { $0.isNumber || $0 == "." }
        let units: [Substring: Double] = ["ms": 0.001, "s": 1, "": 1, "m": 60, "min": 60, "h": 3_600, "d": 86_400]
        guard let value = Double(number), let unit = units[argument.dropFirst(number.count)], value * unit > 0, value * unit < 1e9 else {
            return nil
        }
        duration = .milliseconds(Int64(value * unit * 1_000))
    }
}

/// `KEY=VALUE` on the command line; the value may hold further equals signs.
struct Assignment: ExpressibleByArgument, Sendable, Equatable {
    var key: String
    var value: String

    init?(argument: String) {
        guard let separator = argument.firstIndex(of: "="), separator != argument.startIndex else { return nil }
        key = String(argument[..<separator])
        value = String(argument[argument.index(after: separator)...])
    }

    /// The assignments as a dictionary, or nil where there are none; of two with one key the last wins.
    static func dictionary(_ assignments: [Assignment]) -> [String: String]? {
        assignments.isEmpty ? nil : Dictionary(assignments.map { ($0.key, $0.value) }) { $1 }
    }
}

/// What commands need that delete something others may refer to.
struct DeleteOptions: ParsableArguments {
    @Flag(help: "Also remove aliases that point at it and dependencies of others on it; needs the role admin.")
    var force = false

    @Flag(name: .customLong("dry-run"), help: "Only show what refers to it.")
    var dryRun = false
}

/// MODEL, MODEL:VERSION or MODEL:ALIAS on the command line.
struct VersionReference: ExpressibleByArgument, Sendable, Equatable {
    var model: String
    var version: String?

    init?(argument: String) {
        let parts = argument.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard !parts[0].isEmpty, parts.count == 1 || !parts[1].isEmpty else { return nil }
        model = String(parts[0])
        version = parts.count == 2 ? String(parts[1]) : nil
    }
}

extension Role: ExpressibleByArgument {}
extension EnvironmentType: ExpressibleByArgument {}
extension ServerType: ExpressibleByArgument {}
extension ModelSource: ExpressibleByArgument {}
extension VersionStatus: ExpressibleByArgument {}
extension DependencyKind: ExpressibleByArgument {}
extension LineageDirection: ExpressibleByArgument {}
extension BuildStatus: ExpressibleByArgument {}
extension DeploymentStatus: ExpressibleByArgument {}
extension OperationKind: ExpressibleByArgument {}
extension OperationState: ExpressibleByArgument {}
