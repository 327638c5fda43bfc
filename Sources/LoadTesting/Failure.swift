extension LoadTest {
    /// Why a request did not succeed. Encoded as its ``rawValue``.
    public enum Failure: Hashable, Sendable, Codable, RawRepresentable, CustomStringConvertible {
        /// No connection came about.
        case connect
        /// The answer did not end within ``Plan/requestTimeout``.
        case timeout
        /// The answer ended properly with a status outside 2xx.
        case status(Int)
        /// The answer was not HTTP/1.1, or not the event stream that was asked for.
        case protocolViolation
        /// The connection or the stream ended before the answer did.
        case cutStream
        /// The stream brought an error of the server instead of an answer.
        case streamError

        /// Makes a class from its name: `connect`, `timeout`, `status-503`, `protocol`, `cut-stream`, `stream-error`.
        public init?(rawValue: String) {
            switch rawValue {
            case "connect": self = .connect
            case "timeout": self = .timeout
            case "protocol": self = .protocolViolation
            case "cut-stream": self = .cutStream
            case "stream-error": self = .streamError
            default:
                guard rawValue.hasPrefix("status-"), let status = Int(rawValue.dropFirst(7)) else { return nil }
                self = .status(status)
            }
        }

        /// The stable name of the class.
        public var rawValue: String {
            switch self {
            case .connect: "connect"
            case .timeout: "timeout"
            case .status(let status): "status-\(status)"
            case .protocolViolation: "protocol"
            case .cutStream: "cut-stream"
            case .streamError: "stream-error"
            }
        }

        /// The class in words for people.
        public var description: String {
            switch self {
            case .connect: "could not connect"
            case .timeout: "took longer than the time-out"
            case .status(let status): "status \(status)"
            case .protocolViolation: "broke the protocol"
            case .cutStream: "was cut off"
            case .streamError: "reported an error in its stream"
            }
        }
    }
}
