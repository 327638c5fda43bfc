/// One message of a conversation.
public struct ChatMessage: Sendable, Equatable {
    /// Who speaks.
    public enum Role: String, Sendable {
        case system
        case user
        case assistant
    }

    /// Who speaks.
    public var role: Role
    /// What is said.
    public var content: String

    /// A message.
    public init(_ role: Role, _ content: String) {
        self.role = role
        self.content = content
    }
}

/// What can be set for an answer; what is nil is left to the endpoint.
public struct ChatOptions: Sendable, Equatable {
    /// The most tokens of the answer.
    public var maxTokens: Int?
    /// 0 is the likeliest answer, higher values are more varied.
    public var temperature: Double?

    /// Options.
    public init(maxTokens: Int? = nil, temperature: Double? = nil) {
        self.maxTokens = maxTokens
        self.temperature = temperature
    }
}

/// A piece of an answer.
public struct ChatDelta: Sendable, Equatable {
    /// Further text of the answer.
    public var content: String
    /// Further text of the reasoning before it, from models that show one.
    public var reasoning: String
    /// Why the answer ended, such as `stop` or `length`; in its last piece.
    public var finishReason: String?
    /// How many tokens the prompt and the answer had, as the endpoint counted them; in one of the last pieces.
    public var usage: Usage?

    /// Numbers of tokens.
    public struct Usage: Sendable, Equatable {
        /// Tokens of the prompt.
        public var promptTokens: Int
        /// Tokens of the answer.
        public var completionTokens: Int

        /// Numbers of tokens.
        public init(promptTokens: Int, completionTokens: Int) {
            self.promptTokens = promptTokens
            self.completionTokens = completionTokens
        }
    }

    /// A piece with its parts.
    public init(content: String = "", reasoning: String = "", finishReason: String? = nil, usage: Usage? = nil) {
        self.content = content
        self.reasoning = reasoning
        self.finishReason = finishReason
        self.usage = usage
    }
}
