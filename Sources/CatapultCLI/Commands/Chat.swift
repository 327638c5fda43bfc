import ArgumentParser
import Catapult
import CatapultAPI

/// `mcp chat`.
struct Chat: SessionCommand {
    static let configuration = CommandConfiguration(abstract: "Ask a deployed language model; the answer is shown as it comes.")

    @Option(help: ArgumentHelp("The deployment's name or id.", valueName: "name"))
    var deployment: String

    @Argument(help: "The question; read from standard input when absent or '-'.")
    var question: String?

    @Option(help: ArgumentHelp("Instructions to the model.", valueName: "text"))
    var system: String?

    @Option(name: .customLong("max-tokens"), help: ArgumentHelp("The most tokens of the answer.", valueName: "n"))
    var maxTokens: Int?

    @Option(help: ArgumentHelp("0 is the likeliest answer, higher values are more varied.", valueName: "number"))
    var temperature: Double?

    @OptionGroup var global: GlobalOptions

    private static let longestQuestion = 1 << 20

    func validate() throws {
        if let maxTokens, maxTokens < 1 { throw ValidationError("--max-tokens is \(maxTokens); 1 or more is allowed") }
        if let temperature, !(0...10).contains(temperature) {
            throw ValidationError("--temperature is \(temperature); 0 to 10 are allowed")
        }
    }

    func run(in session: Session) async throws {
        var text = question ?? "-"
        if text == "-" {
            if session.surroundings.input.isTerminal { session.output.note("Type the question; Ctrl-D ends it.", .dim) }
            text = try await session.surroundings.input.readAll(Self.longestQuestion)
        }
        guard text.contains(where: { !$0.isWhitespace }) else { throw Complaint(.usage, "the question is empty") }
        let known = try await session.connect().send(GetDeployment(deploymentID: deployment))
        let chat = try await known.chatClient()
        let messages = (system.map { [ChatMessage(.system, $0)] } ?? []) + [ChatMessage(.user, text)]
        try await show(chat.stream(messages, options: ChatOptions(maxTokens: maxTokens, temperature: temperature)), session)
    }

    private func show(_ stream: ChatStream, _ session: Session) async throws {
        let output = session.output
        let isTerminal = session.surroundings.output.isTerminal
        var answer = ChatDelta()
        var reasons = false
        for try await delta in stream {
            if output.format == .table {
                if !delta.reasoning.isEmpty, isTerminal, !output.isQuiet {
                    reasons = true
                    output.text(output.style.paint(SafeText.block(delta.reasoning), .dim))
                }
                if reasons, !delta.content.isEmpty {
                    reasons = false
                    output.text("\n\n")
                }
                output.text(isTerminal ? SafeText.block(delta.content) : delta.content)
            }
            answer.content += delta.content
            answer.reasoning += delta.reasoning
            answer.finishReason = delta.finishReason ?? answer.finishReason
            answer.usage = delta.usage ?? answer.usage
        }
        if output.format == .json { return output.json(answer.json) }
        output.line("")
        if answer.finishReason == "length" { output.note("(cut off at the most tokens allowed)", .dim) }
    }
}

extension ChatDelta {
    /// A whole answer as JSON.
    fileprivate var json: JSONValue {
        [
            "content": .string(content), "reasoning": reasoning.isEmpty ? .null : .string(reasoning),
            "finish_reason": finishReason.map(JSONValue.string) ?? .null,
            "usage": usage.map { ["prompt_tokens": .int(Int64($0.promptTokens)), "completion_tokens": .int(Int64($0.completionTokens))] }
                ?? .null,
        ]
    }
}

extension Deployment {
    /// The endpoint, or why there is none.
    func endpoint() throws -> String {
        guard let endpointURL else {
            throw Complaint(
                .conflict, "\(name) has no endpoint: it is \(status.rawValue)", hint: "Look at `mcp status --deployment \(name)`.")
        }
        guard status == .running || readyReplicas > 0 || deploymentType == .metadata else {
            throw Complaint(
                .conflict, "\(name) does not answer: it is \(status.rawValue)",
                hint: status == .stopped || status == .failed
                    ? "Start it with `mcp start --deployment \(name)`." : "Look at `mcp status --deployment \(name)`."
            )
        }
        return endpointURL
    }

    /// A chat client of the endpoint. The model's name is the one that the endpoint lists, since engines name it in their own way.
    func chatClient() async throws -> ChatClient {
        let unnamed = try ChatClient(endpoint: endpoint(), model: nil)
        let listed = try? await unnamed.models().first
        return try ChatClient(endpoint: unnamed.endpoint.root, model: listed ?? modelName)
    }
}
