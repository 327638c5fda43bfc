/// An answer that makes no sense: not the shape that the contract declares, too long, or cut off.
public struct AnswerError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What was asked, such as `GET /api/v1/models`.
    public let request: String
    /// What is wrong with the answer.
    public let reason: String

    /// An error about the answer to a request.
    public init(request: String, reason: String) {
        self.request = request
        self.reason = reason
    }

    public var description: String { "the answer to \(request) cannot be understood: \(reason)" }

    /// What to do.
    public var hint: String { "Check that the address is a Catapult server, and that its version fits this client's." }
}
