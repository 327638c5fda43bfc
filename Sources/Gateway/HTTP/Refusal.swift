import Foundation
import NIOCore
import NIOHTTP1

/// An answer that the gateway gives in its own name, since it cannot give an upstream's.
enum Refusal: Error, Sendable, Equatable {
    case malformed(String)
    case headersTooLarge
    case unsupportedTransferCoding
    case unsupportedExpectation
    case upgradeNotSupported
    case connectNotSupported
    case requestTimeout
    case noReadyReplica
    case replicaUnreachable
    case replicaClosed
    case replicaInvalid
    case responseTimeout

    /// Status, the contract's `error_type`, and a stable code.
    var identity: (status: HTTPResponseStatus, errorType: String, code: String) {
        switch self {
        case .malformed: (.badRequest, "BadRequestError", "malformed_request")
        case .headersTooLarge: (.requestHeaderFieldsTooLarge, "BadRequestError", "headers_too_large")
        case .unsupportedTransferCoding: (.notImplemented, "NotImplementedError", "transfer_coding_not_supported")
        case .unsupportedExpectation: (.expectationFailed, "BadRequestError", "expectation_not_supported")
        case .upgradeNotSupported: (.notImplemented, "NotImplementedError", "upgrade_not_supported")
        case .connectNotSupported: (.notImplemented, "NotImplementedError", "connect_not_supported")
        case .requestTimeout: (.requestTimeout, "RequestTimeoutError", "request_timeout")
        case .noReadyReplica: (.serviceUnavailable, "ServiceUnavailableError", "no_ready_replica")
        case .replicaUnreachable: (.badGateway, "BadGatewayError", "replica_unreachable")
        case .replicaClosed: (.badGateway, "BadGatewayError", "replica_closed_connection")
        case .replicaInvalid: (.badGateway, "BadGatewayError", "replica_invalid_response")
        case .responseTimeout: (.gatewayTimeout, "GatewayTimeoutError", "replica_timeout")
        }
    }

    private func texts(deployment: String) -> (detail: String, hint: String) {
        switch self {
        case .malformed(let reason):
            ("The request is not valid HTTP/1.1: \(reason).", "Send the request with a standard HTTP client.")
        case .headersTooLarge:
            ("The request's headers are larger than the gateway accepts.", "Send fewer or shorter header fields.")
        case .unsupportedTransferCoding:
            ("The request uses a transfer coding other than \"chunked\".", "Send the body with Content-Length, or only chunked.")
        case .unsupportedExpectation:
            ("The request expects something other than \"100-continue\".", "Leave the Expect header out.")
        case .upgradeNotSupported:
            ("The gateway does not switch protocols (WebSocket, Upgrade).", "Use plain HTTP; for streams use server-sent events.")
        case .connectNotSupported:
            ("The gateway is no forward proxy and does not accept CONNECT.", "Send the request to the endpoint itself.")
        case .requestTimeout:
            ("The request's body did not arrive in time.", "Send the body without long pauses.")
        case .noReadyReplica:
            (
                "No replica of deployment \"\(deployment)\" is ready.",
                "Try again shortly; the deployment's status tells what its replicas do."
            )
        case .replicaUnreachable:
            (
                "No replica of deployment \"\(deployment)\" accepts connections.",
                "See the replicas' logs; they may have stopped or be overloaded."
            )
        case .replicaClosed:
            (
                "The replica closed the connection before it answered.",
                "Look in the replica's log for a crash; whether the request took effect is not known."
            )
        case .replicaInvalid:
            ("The replica's answer is not valid HTTP/1.1.", "Check that the deployment's port is the one of its HTTP server.")
        case .responseTimeout:
            ("The replica did not answer in time.", "Ask for less work per request, or raise the endpoint's time limit.")
        }
    }

    private struct Body: Encodable {
        var detail: String
        var errorType: String
        var code: String
        var hint: String
        var requestID: String?

        enum CodingKeys: String, CodingKey {
            case detail, code, hint
            case errorType = "error_type"
            case requestID = "request_id"
        }
    }

    /// The whole answer; the body is left out of what is sent to a HEAD request, its length is not.
    func answer(deployment: String, requestID: String?, closing: Bool) -> (head: HTTPResponseHead, body: ByteBuffer) {
        let (status, errorType, code) = identity
        let (detail, hint) = texts(deployment: deployment)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let record = Body(detail: detail, errorType: errorType, code: code, hint: hint, requestID: requestID)
        // Strings alone cannot fail to encode; an empty object would still be a valid answer.
        let json = (try? encoder.encode(record)) ?? Data("{}".utf8)
        var headers: HTTPHeaders = ["Content-Type": "application/json", "Content-Length": String(json.count)]
        if self == .noReadyReplica { headers.add(name: "Retry-After", value: "1") }
        if let requestID { headers.add(name: "X-Request-Id", value: requestID) }
        if closing { headers.add(name: "Connection", value: "close") }
        return (HTTPResponseHead(version: .http1_1, status: status, headers: headers), ByteBuffer(bytes: json))
    }

    /// What a failure of the request decoder means.
    init(decoding error: any Error) {
        switch error {
        case HTTPParserError.headerOverflow: self = .headersTooLarge
        case let error as HTTPParserError: self = .malformed(String(describing: error))
        default: self = .malformed("it cannot be parsed")
        }
    }
}
