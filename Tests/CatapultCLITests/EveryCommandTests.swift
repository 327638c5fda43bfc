import ArgumentParser
import Testing

@testable import CatapultCLI

/// Rules that hold for all commands, walked over the whole tree: a new command is checked by being there.
@Suite struct EveryCommandTests {
    /// A command as people see it.
    struct Entry: Sendable, CustomTestStringConvertible {
        /// The words that lead to it.
        var line: String
        var abstract: String
        var help: String
        var isLeaf: Bool
        /// True where it runs in a session, and so has the options that all such commands have.
        var isSessionCommand: Bool
        var testDescription: String { line }
    }

    /// All commands but the root.
    static let all = below(CatapultTool.self, line: "")
    static let leaves = all.filter(\.isLeaf)

    private static func below(_ parent: any ParsableCommand.Type, line: String) -> [Entry] {
        parent.configuration.subcommands.flatMap { type -> [Entry] in
            let words = line + (line.isEmpty ? "" : " ") + type._commandName
            let entry = Entry(
                line: words, abstract: type.configuration.abstract,
                help: CatapultTool.helpMessage(for: type, includeHidden: false, columns: 1_000),
                isLeaf: type.configuration.subcommands.isEmpty, isSessionCommand: type is any SessionCommand.Type)
            return [entry] + below(type, line: words)
        }
    }

    @Test func namesAreUniqueLowerCaseWords() {
        #expect(Self.leaves.count > 60)
        let lines = Self.all.map(\.line)
        #expect(Set(lines).count == lines.count)
        for line in lines { #expect(line.wholeMatch(of: /[a-z]+([ -][a-z]+)*/) != nil, "\(line)") }
    }

    @Test(arguments: all) func helpSaysWhatTheCommandDoesInOneSentence(_ entry: Entry) {
        #expect(entry.abstract.hasSuffix(".") && entry.abstract.first?.isUppercase == true, "\(entry.abstract)")
        #expect(entry.help.contains("USAGE: "))
    }

    @Test(arguments: leaves) func everyOptionIsExplained(_ entry: Entry) {
        // The explanation stands behind the name, or indented below a long one.
        let lines = entry.help.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) + [""]
        for (line, next) in zip(lines, lines.dropFirst()) where line.hasPrefix("  -") || line.hasPrefix("  <") {
            #expect(line.contains(/\S {2,}\S/) || line.contains(/[>a-z] [A-Z]/) || next.hasPrefix("      "), "\(line)")
        }
    }

    @Test(arguments: leaves) func outputCanBeChosen(_ entry: Entry) {
        // One is a page of help; the others hand their words to the server's own program.
        guard !["exit-codes", "server backup", "server restore"].contains(entry.line) else { return }
        #expect(entry.isSessionCommand)
        for option in ["--format", "--quiet", "--no-color"] { #expect(entry.help.contains(option), "\(option)") }
    }

    @Test(arguments: leaves.filter { $0.line.hasSuffix(" list") }) func listsAreShownByPages(_ entry: Entry) {
        // What one model, one version or one machine has is shown as a whole.
        let whole = ["version alias list", "dependency list", "template list", "context list"]
        guard !whole.contains(entry.line) else { return }
        #expect(entry.help.contains("--limit") && entry.help.contains("--page"))
    }

    @Test(arguments: leaves.filter { $0.line.hasSuffix(" delete") }) func deletionsCanBeConfirmedBeforehand(_ entry: Entry) {
        #expect(entry.help.contains("--yes"))
    }

    @Test(arguments: [CompletionShell.bash, .zsh, .fish]) func completionKnowsEveryCommand(_ shell: CompletionShell) {
        let script = CatapultTool.completionScript(for: shell)
        for entry in Self.all { #expect(script.contains(entry.line.split(separator: " ").last ?? ""), "\(entry.line)") }
    }
}
