import ArgumentParser
import Catapult
import CatapultAPI

extension VersionCommand {
    struct Promote: SessionCommand {
        static let configuration = CommandConfiguration(
            abstract: "Promote a version to a stage: the stage's alias moves to it.",
            discussion: "Promoting to production marks the version as a release.")

        @Argument(help: "MODEL:VERSION, MODEL:ALIAS or id.") var version: String
        @Option(name: .customLong("to"), help: ArgumentHelp("The stage, an alias of the model. (default: production)", valueName: "alias"))
        var stage: String?
        @OptionGroup var expectation: ExpectationOptions
        @OptionGroup var change: ChangeOptions
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            let call = PromoteVersion(
                versionID: version, stage: stage, expectedVersion: expectation.expect, reason: change.reason,
                dryRun: change.dryRun ? true : nil)
            try session.output.transition(await session.connect().send(call))
        }
    }

    struct Demote: SessionCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take a version out of a stage.", discussion: "Out of production, the version is no longer a release.")

        @Argument(help: "MODEL:VERSION, MODEL:ALIAS or id.") var version: String
        @Option(
            name: .customLong("from"), help: ArgumentHelp("The stage, an alias of the model. (default: production)", valueName: "alias"))
        var stage: String?
        @Option(name: .customLong("replace-with"), help: ArgumentHelp("The version that takes the stage.", valueName: "version"))
        var replacement: String?
        @Flag(name: .customLong("previous"), help: "Give the stage back to the version that had it before.")
        var restorePrevious = false
        @OptionGroup var change: ChangeOptions
        @OptionGroup var global: GlobalOptions

        func validate() throws {
            if replacement != nil, restorePrevious { throw ValidationError("--replace-with and --previous cannot go together") }
        }

        func run(in session: Session) async throws {
            let call = DemoteVersion(
                versionID: version, stage: stage, replacement: replacement, restorePrevious: restorePrevious ? true : nil,
                reason: change.reason, dryRun: change.dryRun ? true : nil)
            try session.output.transition(await session.connect().send(call))
        }
    }

    struct Deprecate: SessionCommand {
        static let configuration = CommandConfiguration(
            abstract: "Mark a version as one that should no longer be used.", discussion: "It still works; deploying it warns.")

        @Argument(help: "MODEL:VERSION, MODEL:ALIAS or id.") var version: String
        @Option(help: ArgumentHelp("Why.", valueName: "text")) var message: String?
        @Option(help: ArgumentHelp("The version to use instead.", valueName: "model:version")) var successor: String?
        @Option(name: .customLong("retires"), help: ArgumentHelp("When it goes: YYYY-MM-DD, or a time as in RFC 3339.", valueName: "date"))
        var retires: Moment?
        @Flag(name: .customLong("dry-run"), help: "Only say what would change.") var dryRun = false
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            let call = DeprecateVersion(
                versionID: version, message: message, successor: successor, retiresAt: retires?.timestamp, dryRun: dryRun ? true : nil)
            try session.output.transition(await session.connect().send(call))
        }
    }

    struct Archive: SessionCommand {
        static let configuration = CommandConfiguration(
            abstract: "Put a version away: it stays readable, but can neither be deployed nor promoted.")

        @Argument(help: "MODEL:VERSION, MODEL:ALIAS or id.") var version: String
        @OptionGroup var change: ChangeOptions
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            let call = ArchiveVersion(versionID: version, reason: change.reason, dryRun: change.dryRun ? true : nil)
            try session.output.transition(await session.connect().send(call))
        }
    }

    struct Restore: SessionCommand {
        static let configuration = CommandConfiguration(abstract: "Make a deprecated or archived version active again.")

        @Argument(help: "MODEL:VERSION or id.") var version: String
        @OptionGroup var change: ChangeOptions
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            let call = RestoreVersion(versionID: version, reason: change.reason, dryRun: change.dryRun ? true : nil)
            try session.output.transition(await session.connect().send(call))
        }
    }

    struct Diff: SessionCommand {
        static let configuration = CommandConfiguration(
            commandName: "diff", abstract: "Compare two versions: files, fields, metadata, dependencies.")

        @Argument(help: "MODEL:VERSION, MODEL:ALIAS or id.") var first: String
        @Argument(help: "The version to compare it with; of the same model also VERSION alone.") var second: String
        @Option(help: ArgumentHelp("Files to list, 0 to 10000.", valueName: "n")) var limit = 200
        @Flag(name: .customLong("exit-code"), help: "Exit with 1 where they differ, as diff does.") var exitCode = false
        @OptionGroup var global: GlobalOptions

        func validate() throws {
            guard (0...10_000).contains(limit) else { throw ValidationError("--limit is \(limit); 0 to 10000 are allowed") }
        }

        func run(in session: Session) async throws {
            let comparison = try await session.connect().send(CompareVersions(a: first, b: completed, limit: limit))
            switch session.output.format {
            case .json: try session.output.json(comparison)
            default: ComparisonReport(comparison).lines(session.output.style, isQuiet: session.output.isQuiet).forEach(session.output.line)
            }
            if exitCode, !comparison.identical { throw QuietEnd(status: .failure) }
        }

        /// The second version; where it stands alone, it is one of the first one's model.
        var completed: String {
            guard !second.contains(":"), let model = first.lastIndex(of: ":"), !second.contains("/"), !Self.isID(second) else {
                return second
            }
            return "\(first[..<model]):\(second)"
        }

        private static func isID(_ text: String) -> Bool {
            text.count == 36 && text.split(separator: "-").map(\.count) == [8, 4, 4, 4, 12]
        }
    }
}

/// A day or a moment on the command line; a day means its beginning in UTC.
struct Moment: ExpressibleByArgument, Sendable, Equatable {
    var timestamp: Timestamp

    init?(argument: String) {
        guard let timestamp = Timestamp(argument.count == 10 ? "\(argument)T00:00:00Z" : argument) else { return nil }
        self.timestamp = timestamp
    }
}
