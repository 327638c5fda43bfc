import NIOHTTP1

/// An upstream's response head, rewritten for the client.
struct ForwardedResponse: Sendable {
    /// How the client finds the end of the body.
    enum Framing: Sendable, Equatable {
        /// There is no body, whatever the head says (HEAD, 204, 304; RFC 9112, section 6.3).
        case none
        case contentLength
        case chunked
        /// Only HTTP/1.0 clients, which know no chunks, where the length is not known.
        case close
    }

    private var fields: HTTPHeaders
    private let status: HTTPResponseStatus
    private let offersKeepAlive: Bool
    let framing: Framing

    init(_ original: HTTPResponseHead, to request: ForwardedRequest, replica: String) throws(Refusal) {
        guard original.status.code >= 200 else { throw .replicaInvalid }
        var passed: [(String, String)] = []
        passed.reserveCapacity(original.headers.count + 4)
        var contentLength: String?
        var connectionNames: [Substring] = []
        var hasRequestID = false
        for (name, value) in original.headers {
            switch FieldKind(name) {
            case .contentLength:
                guard contentLength == nil || contentLength == value else { throw .replicaInvalid }
                contentLength = value
            case .connection: connectionNames.appendNominations(of: value)
            case .transferEncoding, .upgrade, .hopByHop, .replica: break
            case .requestID:
                hasRequestID = true
                passed.append((name, value))
            case .endToEnd, .host, .expect, .forwardedFor, .forwardedProto, .forwardedHost:
                passed.append((name, value))
            }
        }
        passed.removeNominated(by: connectionNames)
        let mayHaveBody = !request.isHead && original.status != .noContent && original.status != .notModified
        if let contentLength, original.status != .noContent { passed.append(("Content-Length", contentLength)) }
        framing =
            if !mayHaveBody { .none } else if contentLength != nil { .contentLength } else if request.isHTTP10 { .close } else { .chunked }
        if framing == .chunked { passed.append(("Transfer-Encoding", "chunked")) }
        if !hasRequestID { passed.append(("X-Request-Id", request.requestID)) }
        passed.append(("X-Catapult-Replica", replica))
        fields = HTTPHeaders(passed)
        status = original.status
        offersKeepAlive = request.isHTTP10
    }

    /// The head as it goes to the client.
    func head(closing: Bool) -> HTTPResponseHead {
        var headers = fields
        if closing {
            headers.add(name: "Connection", value: "close")
        } else if offersKeepAlive {
            headers.add(name: "Connection", value: "keep-alive")
        }
        return HTTPResponseHead(version: .http1_1, status: status, headers: headers)
    }
}
