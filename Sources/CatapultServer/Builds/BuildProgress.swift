import CatapultAPI
import ContainerEngine

/// How far a build is, and what its log says, from what is sent to the engine and what the engine says. A pure value.
struct BuildProgress: Sendable {
    /// Something that the operation's row should say.
    struct Report: Sendable, Equatable {
        var share: Double
        var message: String
    }

    /// Parts of the whole: what goes before, and the sending of the context. The steps have the rest.
    private static let preparation = 0.02
    private static let sending = 0.4
    /// Sending is reported in parts of this size.
    private static let reports: Int64 = 20
    /// A step's output beyond this is left out: a step that prints without end must not fill the server's disk.
    static let maximumOutputBytes = 16 << 20

    private let contextBytes: Int64
    private var sentBytes: Int64 = 0
    private var outputBytes = 0
    /// The step that runs: its number, how many there are, and its instruction.
    private(set) var step: (number: Int, of: Int, instruction: String)?

    init(contextBytes: Int64) { self.contextBytes = contextBytes }

    /// A piece of the context was handed to the engine.
    mutating func didSend(_ bytes: Int) -> Report? {
        let before = part
        sentBytes = min(sentBytes + Int64(bytes), contextBytes)
        guard part != before, step == nil else { return nil }
        let share = Double(sentBytes) / Double(contextBytes)
        return Report(
            share: Self.preparation + share * (Self.sending - Self.preparation),
            message: "sending the files: \(ByteCount.text(sentBytes)) of \(ByteCount.text(contextBytes))")
    }

    private var part: Int64 { contextBytes > 0 ? Int64(Double(sentBytes) / Double(contextBytes) * Double(Self.reports)) : 0 }

    /// The engine said something: what of it goes to the log, and what it means for the progress.
    mutating func didSay(_ message: ImageBuildProgress) -> (log: String, report: Report?) {
        switch message {
        case .output(let text):
            guard let report = beginStep(text), let step else { return (limited(text), nil) }
            // The line before docker's own is the one that earlier clients draw their progress from.
            return (limited("#\(step.number) [build \(step.number)/\(step.of)] \(step.instruction)\n\(text)"), report)
        case .status(let id, let text, let progress):
            // A drawn bar comes many times a second; what it ends in comes without a bar.
            return (progress == nil ? limited("\(id.map { "\($0): " } ?? "")\(text)\n") : "", nil)
        case .image:
            return ("", nil)
        }
    }

    /// Reads `Step 3/9 : RUN …`. A step's own output may look the same, so only the number that comes next counts.
    private mutating func beginStep(_ text: String) -> Report? {
        guard let match = text.prefixMatch(of: /Step (\d{1,4})\/(\d{1,4}) : ([^\n]*)/), let number = Int(match.1), let total = Int(match.2),
            number == (step?.number ?? 0) + 1, total == step?.of ?? total, number <= total
        else { return nil }
        step = (number, total, String(match.3))
        return Report(
            share: Self.sending + (1 - Self.sending) * Double(number - 1) / Double(total),
            message: "step \(number)/\(total): \(match.3.prefix(200))")
    }

    private mutating func limited(_ text: String) -> String {
        guard outputBytes <= Self.maximumOutputBytes else { return "" }
        outputBytes += text.utf8.count
        return outputBytes <= Self.maximumOutputBytes
            ? text : "\n-- the rest of the output is left out: it has more than \(ByteCount.text(Int64(Self.maximumOutputBytes)))\n"
    }
}
