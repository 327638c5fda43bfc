import ArgumentParser
import Catapult
import CatapultAPI

/// `mcp audit`.
struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "Look at who did what.", subcommands: [List.self, Show.self, Head.self, Verify.self])

    struct List: SessionCommand {
        static let configuration = CommandConfiguration(abstract: "List audit rows, newest first.")

        @Option(help: ArgumentHelp("Only this action, such as create_model.", valueName: "action")) var action: String?
        @Option(help: ArgumentHelp("Only this kind of thing, such as deployment.", valueName: "kind")) var resource: String?
        @Option(help: ArgumentHelp("Only what was done to the thing with this id.", valueName: "id")) var id: String?
        @Option(help: ArgumentHelp("Only what this key did.", valueName: "name")) var key: String?
        @Option(help: ArgumentHelp("succeeded, failed or cancelled.", valueName: "outcome")) var outcome: AuditOutcome?
        @Option(help: ArgumentHelp("Only the last such time, such as 24h.", valueName: "duration")) var since: TimeSpan?
        @OptionGroup var pages: PageOptions
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            let call = ListAuditLogs(
                action: action, resourceType: resource, resourceID: id, apiKeyName: key, outcome: outcome,
                since: since.map { session.surroundings.now() + (.zero - $0.duration) }, offset: (pages.page - 1) * pages.limit,
                limit: pages.limit)
            try session.output.list(await session.connect().send(call), empty: "No audit rows on this page.")
        }
    }

    struct Show: SessionCommand {
        static let configuration = CommandConfiguration(abstract: "Show an audit row with all that it says.")

        @Argument(help: "Number of the row, or its id.") var row: String
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            try session.output.show(await session.connect().send(GetAuditLog(auditID: row)))
        }
    }

    struct Head: SessionCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show the last hash of the log, to keep it elsewhere.",
            discussion: "`mcp audit verify --expect HASH` later finds whether that row is still there. --quiet prints the hash alone.")

        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            let head = try await session.connect().send(GetAuditHead())
            let output = session.output
            if output.format == .json { return try output.json(head) }
            if output.isQuiet { return output.line(head.hash) }
            output.facts(
                [Fact("row", "\(head.sequence)"), Fact("hash", head.hash), Fact("written", head.createdAt.description)].compactMap { $0 })
        }
    }

    struct Verify: SessionCommand {
        static let configuration = CommandConfiguration(
            abstract: "Check that the log is as it was written; exit code 1 where it is not.",
            discussion: """
                Every row holds the hash of the row before. What was changed, removed or put in shows; that the end was cut off shows only to \
                who gives a hash of before with --expect.
                """)

        @Option(help: ArgumentHelp("A hash that `mcp audit head` or an earlier check printed.", valueName: "hash")) var expect: String?
        @OptionGroup var global: GlobalOptions

        func validate() throws {
            guard expect.map(TextRule.sha256.matches) ?? true else {
                throw ValidationError("--expect must be \(TextRule.sha256.words), as `mcp audit head --quiet` prints it")
            }
        }

        func run(in session: Session) async throws {
            let found = try await session.connect().send(VerifyAuditLog(expect: expect))
            let output = session.output
            if output.format == .json {
                try output.json(found)
            } else if output.isQuiet, found.ok {
                output.line(found.headHash)
            } else if found.ok {
                output.line("The audit log is whole: \(found.rows) rows up to row \(found.headSequence).")
                output.facts(
                    [
                        Fact("head", found.headHash), Fact("expected at row", found.expectedSequence.map { "\($0)" }),
                        Fact("rows of before the chain", found.sealedRows > 0 ? "\(found.sealedRows)" : nil),
                    ].compactMap { $0 })
            }
            guard !found.ok else { return }
            if output.format == .json { throw QuietEnd(status: .failure) }
            throw Complaint(
                .failure, "the audit log is not as it was written: \(found.problem?.message ?? "unknown")",
                hint: found.problem?.kind == .headMissing
                    ? "Compare the log with a backup from when the hash was kept."
                    : "Compare the log with a backup; its first \(found.rows) rows are whole.")
        }
    }
}

extension AuditOutcome: ExpressibleByArgument {}
