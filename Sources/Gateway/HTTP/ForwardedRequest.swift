import NIOHTTP1

/// A client's request head, checked, and rewritten for an upstream. Framing rules are those of RFC 9112, section 6.3; what is ambiguous is
/// refused, so that gateway and upstream can never disagree on where a request ends (request smuggling).
struct ForwardedRequest: Sendable {
    /// The head as it goes upstream.
    let head: HTTPRequestHead
    let requestID: String
    /// As `Content-Length` says; nil where there is none.
    let bodyLength: Int?
    /// The client waits for `100 Continue` before it sends the body.
    let expectsContinue: Bool
    /// The client allows another request on its connection.
    let keepAlive: Bool
    let isHTTP10: Bool

    var isHead: Bool { head.method == .HEAD }

    /// Whether doing it twice is as good as once (RFC 9110, section 9.2.2).
    var isIdempotent: Bool {
        switch head.method {
        case .GET, .HEAD, .OPTIONS, .TRACE, .PUT, .DELETE: true
        default: false
        }
    }

    /// - Parameters:
    ///   - peer: The client's IP address, appended to `X-Forwarded-For`.
    ///   - endpointHost: Stands in for `Host` where an HTTP/1.0 client sent none.
    init(_ original: HTTPRequestHead, peer: String, endpointHost: String, makeID: () -> String) throws(Refusal) {
        guard original.method != .CONNECT else { throw .connectNotSupported }
        let isHTTP10 = original.version.minor == 0
        var fields = try Fields(original.headers, isHTTP10: isHTTP10)
        var (target, host) = try Self.originForm(of: original.uri)
        host = host ?? fields.host

        guard host != nil || isHTTP10 else { throw .malformed("the Host header is missing") }
        var offersIgnoredUpgrade = false
        if let upgrade = fields.upgrade {
            // An offer of HTTP/2 may be ignored, and some clients make it with each request; others cannot do without what they ask for.
            guard upgrade.listMembers.allSatisfy({ $0.isField("h2c") }) else { throw .upgradeNotSupported }
            offersIgnoredUpgrade = true
        }
        if let expectation = fields.expect, !expectation.isField("100-continue") { throw .unsupportedExpectation }

        let requestID = fields.requestID.flatMap { RequestIDs.isAcceptable($0) ? $0 : nil } ?? makeID()
        let effectiveHost = host ?? endpointHost
        // Taken, not copied: this array becomes the new head's.
        var headers: [(String, String)] = []
        swap(&headers, &fields.passed)
        headers[0].1 = effectiveHost
        if fields.isChunked {
            headers.append(("Transfer-Encoding", "chunked"))
        } else if let length = fields.contentLength {
            headers.append(("Content-Length", length))
        }
        headers.append(("X-Forwarded-For", fields.forwardedFor.map { "\($0), \(peer)" } ?? peer))
        headers.append(("X-Forwarded-Proto", fields.forwardedProto ?? "http"))
        headers.append(("X-Forwarded-Host", fields.forwardedHost ?? effectiveHost))
        headers.append(("X-Request-Id", requestID))

        self.head = HTTPRequestHead(version: .http1_1, method: original.method, uri: target, headers: HTTPHeaders(headers))
        self.requestID = requestID
        self.bodyLength = fields.contentLength.flatMap { Int($0) }
        self.isHTTP10 = isHTTP10
        self.expectsContinue = fields.expect != nil && !isHTTP10
        // The decoder stops after a request with an offer of upgrade: what follows on the connection would be lost.
        self.keepAlive = original.isKeepAlive && !offersIgnoredUpgrade
    }

    /// Turns `http://host/path` into `/path` and the host that then counts (RFC 9112, section 3.2.2).
    private static func originForm(of target: String) throws(Refusal) -> (target: String, host: String?) {
        if target.utf8.first == UInt8(ascii: "/") || target == "*" { return (target, nil) }
        guard let colon = target.firstIndex(of: ":"), target[..<colon].isField("http") || target[..<colon].isField("https"),
            target[colon...].hasPrefix("://")
        else { throw .malformed("the request target is neither a path nor an http URL") }
        let rest = target[target.index(colon, offsetBy: 3)...]
        let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
        let authority = rest[..<end]
        guard !authority.isEmpty, !authority.contains("@") else { throw .malformed("the request target has no valid host") }
        let path = rest[end...]
        return (path.utf8.first == UInt8(ascii: "/") ? String(path) : "/" + path, String(authority))
    }
}

/// What one pass over a request's header fields finds.
private struct Fields {
    /// The fields to pass on, after a place for `Host`, which is best sent first (RFC 9110, section 7.2).
    var passed: [(String, String)] = [("Host", "")]
    var host: String?
    var contentLength: String?
    var isChunked = false
    var expect: String?
    var upgrade: String?
    var forwardedFor: String?
    var forwardedProto: String?
    var forwardedHost: String?
    var requestID: String?

    init(_ headers: HTTPHeaders, isHTTP10: Bool) throws(Refusal) {
        passed.reserveCapacity(headers.count + 6)
        var connectionNames: [Substring] = []
        for (name, value) in headers {
            switch FieldKind(name) {
            case .endToEnd:
                passed.append((name, value))
            case .host:
                guard host == nil else { throw .malformed("there is more than one Host header") }
                host = value
            case .contentLength:
                guard contentLength == nil else { throw .malformed("there is more than one Content-Length header") }
                guard !value.isEmpty, value.utf8.count <= 18, value.utf8.allSatisfy({ 0x30...0x39 ~= $0 }) else {
                    throw .malformed("Content-Length is not a number")
                }
                contentLength = value
            case .transferEncoding:
                guard !isChunked else { throw .malformed("there is more than one Transfer-Encoding header") }
                guard value.isField("chunked") else { throw .unsupportedTransferCoding }
                isChunked = true
            case .connection: connectionNames.appendNominations(of: value)
            case .expect: expect = value
            case .upgrade: upgrade = upgrade.map { "\($0), \(value)" } ?? value
            case .forwardedFor: forwardedFor = forwardedFor.map { "\($0), \(value)" } ?? value
            case .forwardedProto: forwardedProto = value
            case .forwardedHost: forwardedHost = value
            case .requestID: requestID = value
            case .replica, .hopByHop: break
            }
        }
        guard !isChunked || contentLength == nil else { throw .malformed("it has both Content-Length and Transfer-Encoding") }
        guard !isChunked || !isHTTP10 else { throw .malformed("HTTP/1.0 has no Transfer-Encoding") }
        passed.removeNominated(by: connectionNames)
    }
}

extension [(String, String)] {
    /// Removes the fields that a `Connection` header names as meant for one connection only.
    mutating func removeNominated(by names: [Substring]) {
        guard !names.isEmpty else { return }
        // What frames or routes a message is dealt with by name, and not for a sender to remove.
        let names = names.map { $0.lowercased() }.filter { FieldKind($0) == .endToEnd }
        removeAll { field in names.contains { field.0.isField($0) } }
    }
}

extension [Substring] {
    /// Adds the field names in a `Connection` header's value; its usual values nominate none.
    mutating func appendNominations(of value: String) {
        if value.isField("keep-alive") || value.isField("close") { return }
        self += value.listMembers
    }
}

extension HTTPHeaders {
    /// A trailer section without what may not stand in one; nil where nothing remains.
    var forwardedTrailers: HTTPHeaders? {
        let allowed = filter { FieldKind($0.name).isAllowedInTrailers }
        return allowed.isEmpty ? nil : HTTPHeaders(allowed.map { ($0.name, $0.value) })
    }
}
