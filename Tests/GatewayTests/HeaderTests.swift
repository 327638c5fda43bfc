import NIOHTTP1
import Testing

@testable import Gateway

@Suite struct ForwardedRequestTests {
    private func forward(
        _ headers: HTTPHeaders, method: HTTPMethod = .GET, uri: String = "/v1/models", version: HTTPVersion = .http1_1
    ) throws(Refusal) -> ForwardedRequest {
        let head = HTTPRequestHead(version: version, method: method, uri: uri, headers: headers)
        return try ForwardedRequest(head, peer: "10.0.0.7", endpointHost: "127.0.0.1:9000") { "made-1" }
    }

    @Test func addsWhoAskedAndRemovesWhatIsForOneHop() throws {
        let request = try forward([
            "Host": "models.example", "Connection": "keep-alive, X-Secret", "Keep-Alive": "timeout=5", "X-Secret": "1", "TE": "trailers",
            "Proxy-Connection": "keep-alive", "Proxy-Authorization": "Basic x", "X-Catapult-Replica": "fake", "Accept": "a, b",
        ])
        let expected: [(String, String)] = [
            ("Host", "models.example"), ("Accept", "a, b"), ("X-Forwarded-For", "10.0.0.7"), ("X-Forwarded-Proto", "http"),
            ("X-Forwarded-Host", "models.example"), ("X-Request-Id", "made-1"),
        ]
        #expect(request.head.headers.map { "\($0.name): \($0.value)" } == expected.map { "\($0): \($1)" })
    }

    @Test func keepsWhatAProxyInFrontSaid() throws {
        let headers = try forward([
            "Host": "inner", "X-Forwarded-For": "1.2.3.4", "x-forwarded-for": "5.6.7.8", "X-Forwarded-Proto": "https",
            "X-Forwarded-Host": "outer", "X-Request-Id": "abc",
        ]).head.headers
        #expect(headers["x-forwarded-for"] == ["1.2.3.4, 5.6.7.8, 10.0.0.7"])
        #expect(headers["x-forwarded-proto"] == ["https"])
        #expect(headers["x-forwarded-host"] == ["outer"])
        #expect(headers["x-request-id"] == ["abc"])
    }

    @Test(arguments: ["", "two words", String(repeating: "x", count: 129), "caf\u{e9}"])
    func replacesUnfitRequestIDs(id: String) throws {
        #expect(try forward(["Host": "a", "X-Request-Id": id]).requestID == "made-1")
    }

    @Test func aConnectionHeaderCannotRemoveWhatTheGatewayAdds() throws {
        let headers = try forward(
            ["Host": "a", "Connection": "Content-Length, Host, X-Forwarded-For, X-Request-Id", "Content-Length": "3"], method: .POST
        ).head.headers
        #expect(headers["content-length"] == ["3"])
        #expect(headers["host"] == ["a"])
        #expect(headers["x-forwarded-for"] == ["10.0.0.7"])
    }

    private static let ambiguous: [(HTTPHeaders, String)] = [
        (["Host": "a", "Content-Length": "3", "Transfer-Encoding": "chunked"], "malformed_request"),
        (["Host": "a", "Content-Length": "3", "content-length": "3"], "malformed_request"),
        (["Host": "a", "Content-Length": "3, 3"], "malformed_request"),
        (["Host": "a", "Content-Length": "+3"], "malformed_request"),
        (["Host": "a", "Content-Length": "99999999999999999999"], "malformed_request"),
        (["Host": "a", "Transfer-Encoding": "chunked", "transfer-encoding": "chunked"], "malformed_request"),
        (["Host": "a", "Transfer-Encoding": "gzip, chunked"], "transfer_coding_not_supported"),
        (["Host": "a", "Transfer-Encoding": "xchunked"], "transfer_coding_not_supported"),
        (["Host": "a", "host": "b"], "malformed_request"),
        ([:], "malformed_request"),
        (["Host": "a", "Expect": "200-ok"], "expectation_not_supported"),
        (["Host": "a", "Upgrade": "websocket", "Connection": "Upgrade"], "upgrade_not_supported"),
        (["Host": "a", "Upgrade": "h2c, websocket"], "upgrade_not_supported"),
    ]

    @Test(arguments: ambiguous)
    func refusesWhatIsAmbiguous(headers: HTTPHeaders, code: String) {
        let refusal = #expect(throws: Refusal.self) { try forward(headers, method: .POST) }
        #expect(refusal?.identity.code == code)
    }

    @Test func oldClientsMaySpareTheHost() throws {
        let request = try forward([:], version: .http1_0)
        #expect(request.head.headers["host"] == ["127.0.0.1:9000"])
        #expect(request.head.version == .http1_1)
        #expect(throws: Refusal.malformed("HTTP/1.0 has no Transfer-Encoding")) {
            try forward(["Transfer-Encoding": "chunked"], version: .http1_0)
        }
    }

    @Test func anOfferOfHTTP2IsIgnored() throws {
        let request = try forward(["Host": "a", "Upgrade": "h2c", "Connection": "Upgrade, HTTP2-Settings", "HTTP2-Settings": "x"])
        #expect(request.head.headers["upgrade"].isEmpty)
        #expect(request.head.headers["http2-settings"].isEmpty)
        #expect(!request.keepAlive)
    }

    @Test(arguments: [
        ("http://other:81/a?b", "/a?b", "other:81"), ("HTTP://other", "/", "other"), ("https://other?x=1", "/?x=1", "other"),
        ("/a//b", "/a//b", "a"), ("*", "*", "a"),
    ])
    func targetsBecomeOriginForm(uri: String, target: String, host: String) throws {
        let head = try forward(["Host": "a"], uri: uri).head
        #expect(head.uri == target)
        #expect(head.headers["host"] == [host])
    }

    @Test(arguments: ["ftp://x/", "http://", "http://user@host/", "nonsense", "http:/x"])
    func oddTargetsAreRefused(uri: String) {
        #expect(throws: Refusal.self) { try forward(["Host": "a"], uri: uri) }
    }

    @Test func trailersCannotFrameOrRoute() {
        let trailers: HTTPHeaders = [
            "Digest": "x", "Content-Length": "5", "Transfer-Encoding": "chunked", "Host": "h", "X-Request-Id": "i",
        ]
        #expect(trailers.forwardedTrailers?.map(\.name) == ["Digest"])
        #expect((["Host": "h"] as HTTPHeaders).forwardedTrailers == nil)
    }
}

@Suite struct ForwardedResponseTests {
    private func forward(
        _ headers: HTTPHeaders, status: HTTPResponseStatus = .ok, method: HTTPMethod = .GET, version: HTTPVersion = .http1_1
    ) throws(Refusal) -> ForwardedResponse {
        let head = HTTPRequestHead(version: version, method: method, uri: "/", headers: ["Host": "a", "X-Request-Id": "id-1"])
        let request = try ForwardedRequest(head, peer: "10.0.0.7", endpointHost: "e") { "made-1" }
        return try ForwardedResponse(HTTPResponseHead(version: .http1_1, status: status, headers: headers), to: request, replica: "r1")
    }

    @Test func removesWhatIsForOneHopAndNamesTheReplica() throws {
        let response = try forward([
            "Connection": "close, X-Hop", "X-Hop": "1", "Keep-Alive": "timeout=5", "Server": "uvicorn", "Content-Length": "2",
            "Upgrade": "h2c",
        ])
        #expect(response.framing == .contentLength)
        #expect(
            response.head(closing: false).headers.map { "\($0.name): \($0.value)" }
                == ["Server: uvicorn", "Content-Length: 2", "X-Request-Id: id-1", "X-Catapult-Replica: r1"]
        )
        #expect(response.head(closing: true).headers["connection"] == ["close"])
    }

    private static let framings: [(HTTPHeaders, HTTPResponseStatus, HTTPMethod, HTTPVersion, ForwardedResponse.Framing)] = [
        ([:], .ok, .GET, .http1_1, .chunked),
        (["Transfer-Encoding": "chunked"], .ok, .GET, .http1_1, .chunked), (["Transfer-Encoding": "chunked"], .ok, .GET, .http1_0, .close),
        (["Content-Length": "5"], .ok, .GET, .http1_0, .contentLength), (["Content-Length": "5"], .ok, .HEAD, .http1_1, .none),
        (["Transfer-Encoding": "chunked"], .ok, .HEAD, .http1_1, .none), (["Content-Length": "5"], .notModified, .GET, .http1_1, .none),
        (["Content-Length": "0"], .noContent, .GET, .http1_1, .none),
    ]

    @Test(arguments: framings)
    func framesAsTheClientCanRead(
        headers: HTTPHeaders, status: HTTPResponseStatus, method: HTTPMethod, version: HTTPVersion, framing: ForwardedResponse.Framing
    ) throws {
        let response = try forward(headers, status: status, method: method, version: version)
        #expect(response.framing == framing)
        let sent = response.head(closing: false).headers
        #expect(sent.contains(name: "transfer-encoding") == (framing == .chunked))
        #expect(sent["content-length"] == (status == .noContent ? [] : headers["content-length"]))
    }

    @Test func contradictoryOrUnaskedResponsesAreRefused() {
        #expect(throws: Refusal.replicaInvalid) { try forward(["Content-Length": "5", "content-length": "6"]) }
        #expect(throws: Refusal.replicaInvalid) { try forward([:], status: .switchingProtocols) }
    }
}

@Suite struct RefusalTests {
    @Test func namesDeploymentCodeAndNextStep() {
        let (head, body) = Refusal.noReadyReplica.answer(deployment: "a\"b", requestID: "id-1", closing: false)
        #expect(head.status == .serviceUnavailable)
        #expect(head.headers["retry-after"] == ["1"])
        #expect(head.headers["content-length"] == ["\(body.readableBytes)"])
        #expect(
            String(buffer: body)
                == #"{"code":"no_ready_replica","detail":"No replica of deployment \"a\"b\" is ready.","error_type":"ServiceUnavailableError","#
                + #""hint":"Try again shortly; the deployment's status tells what its replicas do.","request_id":"id-1"}"#
        )
    }

    @Test func requestIDsDoNotRepeat() {
        var ids = RequestIDs()
        let made = (0..<1000).map { _ in ids.next() }
        #expect(Set(made).count == 1000)
        #expect(made.allSatisfy(RequestIDs.isAcceptable))
    }
}
