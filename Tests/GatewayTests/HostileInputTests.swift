import NIOHTTP1
import Testing

@testable import Gateway

/// Requests that try to make gateway and replica disagree, or to use up the gateway.
@Suite(.timeLimit(.minutes(2))) struct HostileInputTests {
    private let ok: TestUpstream.Script = { request in
        try await request.skipBody()
        try await request.respond(body: "ok")
    }

    @Test(arguments: [
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\nG", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 2\r\n\r\nab", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \u{b}chunked\r\n\r\n0\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\n X-Folded: y\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\nX: y\rZ: w\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: a\u{0}b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 400),
        ("nonsense\r\n\r\n", 400),
        ("CONNECT host:443 HTTP/1.1\r\nHost: host:443\r\n\r\n", 501),
        ("GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", 501),
        ("GET / HTTP/1.1\r\nHost: a\r\nExpect: miracles\r\n\r\n", 417),
    ])
    func isRefusedAndTheConnectionEnds(request: String, status: Int) async throws {
        let reached = Latch()
        let script: TestUpstream.Script = { request in
            await reached.signal()
            try await request.skipBody()
            try await request.respond(body: "reached")
        }
        try await Harness.run(upstreams: [script]) { harness, _ in
            try await RawConnection.open(port: harness.port) { connection in
                try await connection.write(request + "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
                let response = try await connection.readResponse()
                #expect(response.status == status)
                #expect(response["connection"] == "close")
                #expect(response["content-type"] == "application/json")
                #expect(response.body.contains(#""code":""#))
                #expect(try await connection.readToEnd().isEmpty, "what follows is not served")
            }
            #expect(await harness.statistics()?.upstreams["r1"]?.inFlight == 0)
        }
    }

    @Test func headsHaveALimit() async throws {
        try await Harness.run(options: GatewayOptions(maxHeaderBytes: 4096, maxHeaderFields: 10), upstreams: [ok]) { harness, _ in
            #expect(try await harness.get(headers: "X: \(String(repeating: "x", count: 3000))\r\n").status == 200)
            let large = try await harness.get(headers: "X: \(String(repeating: "x", count: 5000))\r\n")
            #expect(large.status == 431)
            #expect(large.body.contains(#""code":"headers_too_large""#))
            let many = (0..<20).map { "X-\($0): y\r\n" }.joined()
            #expect(try await harness.get(headers: many).status == 431)
            let longTarget = try await harness.get("/" + String(repeating: "x", count: 5000))
            #expect(longTarget.status == 431)
            #expect(await harness.statistics()?.refused == 3)
        }
    }

    @Test func anOfferOfHTTP2IsAnsweredInHTTP1() async throws {
        try await Harness.run(upstreams: [ok]) { harness, _ in
            let offer = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
            let get = try await harness.get(headers: offer)
            #expect(get.status == 200)
            #expect(get["connection"] == "close")
            let post = try await harness.get(method: "POST", headers: offer + "Content-Length: 4\r\n", body: "body")
            #expect(post.status == 200)
        }
    }

    @Test func aBodyOfGarbageAfterARefusalIsReadAndDropped() async throws {
        try await Harness.run(upstreams: [ok]) { harness, _ in
            try await RawConnection.open(port: harness.port) { connection in
                try await connection.write("nonsense\r\n\r\n")
                #expect(try await connection.readResponse().status == 400)
                let garbage = String(repeating: "G", count: 1 << 20)
                for _ in 0..<8 { try await connection.write(garbage) }
                connection.finishWriting()
                #expect(try await connection.readToEnd().isEmpty)
            }
        }
    }
}
