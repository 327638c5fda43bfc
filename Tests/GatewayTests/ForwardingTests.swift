import NIOCore
import NIOHTTP1
import Testing

@testable import Gateway

@Suite(.timeLimit(.minutes(2))) struct ForwardingTests {
    private let echo: TestUpstream.Script = { request in
        let body = try await request.readBody()
        var fields = request.head.headers.map { "\($0.name.lowercased())=\($0.value)" }
        fields.append(contentsOf: request.trailers?.map { "trailer:\($0.name.lowercased())=\($0.value)" } ?? [])
        let text = "\(request.head.method) \(request.head.uri)\n" + fields.joined(separator: "\n") + "\n\n" + body
        try await request.respond(body: text)
    }

    @Test func forwardsHeadAndBodyBothWays() async throws {
        try await Harness.run(upstreams: [echo]) { harness, _ in
            let response = try await harness.get(
                "/v1/x?a=%20b", method: "POST", headers: "Content-Length: 5\r\nX-Request-Id: abc\r\nKeep-Alive: 1\r\n", body: "hello"
            )
            #expect(response.status == 200)
            #expect(response["x-catapult-replica"] == "r1")
            #expect(response["x-request-id"] == "abc")
            #expect(response.body.hasPrefix("POST /v1/x?a=%20b\nhost=test\n"))
            #expect(response.body.hasSuffix("\n\nhello"))
            #expect(response.body.contains("\nx-forwarded-for=127.0.0.1\nx-forwarded-proto=http\nx-forwarded-host=test\n"))
            #expect(!response.body.contains("keep-alive"))
            let statistics = try #require(await harness.statistics(of: "r1"))
            #expect(statistics.requests == 1)
            #expect(statistics.requestBytes == 5)
            #expect(statistics.responseBytes == response.body.utf8.count)
        }
    }

    @Test func chunksAndTrailersGoBothWays() async throws {
        let script: TestUpstream.Script = { request in
            let body = try await request.readBody()
            try await request.start(.ok, ["Transfer-Encoding": "chunked", "Trailer": "Digest"])
            try await request.send(body + "|" + (request.trailers?["checksum"].first ?? "none"))
            try await request.end(["Digest": "d", "X-Catapult-Replica": "fake"])
        }
        try await Harness.run(upstreams: [script]) { harness, _ in
            let response = try await harness.get(
                method: "POST", headers: "Transfer-Encoding: chunked\r\n",
                body: "3\r\nabc\r\n4\r\ndefg\r\n0\r\nChecksum: c\r\nHost: evil\r\n\r\n"
            )
            #expect(response.body == "abcdefg|c")
            #expect(response.trailers.map(\.name) == ["digest"])
        }
    }

    @Test func responsesWithoutBodyLeaveTheConnectionUsable() async throws {
        let script: TestUpstream.Script = { request in
            switch request.head.uri {
            case "/head":
                try await request.start(.ok, ["Content-Length": "1000"])
                try await request.end()
            case "/204":
                try await request.start(.noContent, [:])
                try await request.end()
            case "/304":
                try await request.start(.notModified, ["Content-Length": "1000", "ETag": "x"])
                try await request.end()
            default: try await request.respond(body: "last")
            }
        }
        try await Harness.run(upstreams: [script]) { harness, _ in
            try await RawConnection.open(port: harness.port) { connection in
                try await connection.write("HEAD /head HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try await connection.readResponse(toHead: true)["content-length"] == "1000")
                try await connection.write("GET /204 HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try await connection.readResponse().status == 204)
                try await connection.write("GET /304 HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try await connection.readResponse()["etag"] == "x")
                try await connection.write("GET /last HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try await connection.readResponse().body == "last")
            }
        }
    }

    @Test func pipelinedRequestsAreAnsweredInOrderOneAtATime() async throws {
        let atOnce = Latch()
        let script: TestUpstream.Script = { request in
            await atOnce.signal()
            let body = try await request.readBody()
            try await request.respond(body: "\(request.connection)\(request.head.uri)\(body)")
        }
        try await Harness.run(upstreams: [script]) { harness, _ in
            try await RawConnection.open(port: harness.port) { connection in
                let requests = (0..<50).map { "POST /\($0) HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" }
                try await connection.write(requests.joined())
                for number in 0..<50 {
                    // One upstream connection serves all: were two requests under way at once, there would be a second one.
                    #expect(try await connection.readResponse().body == "1/\(number)abc")
                }
            }
            #expect(await atOnce.count == 50)
        }
    }

    @Test func http10ClientsGetWhatTheyCanRead() async throws {
        let script: TestUpstream.Script = { request in
            if request.head.uri == "/sized" { return try await request.respond(body: "sized") }
            try await request.start()
            try await request.send("one")
            try await request.send("two")
            try await request.end()
        }
        try await Harness.run(upstreams: [script]) { harness, _ in
            try await RawConnection.open(port: harness.port) { connection in
                try await connection.write("GET /sized HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
                let sized = try await connection.readResponse()
                #expect(sized.body == "sized")
                #expect(sized["connection"] == "keep-alive")
                try await connection.write("GET /chunked HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
                let chunked = try await connection.readResponse()
                #expect(chunked["transfer-encoding"] == nil)
                #expect(chunked["connection"] == "close")
                #expect(chunked.body == "onetwo")
            }
        }
    }

    @Test func expectedContinueIsSaidWhenAnUpstreamIsThere() async throws {
        try await Harness.run(upstreams: [echo]) { harness, _ in
            try await RawConnection.open(port: harness.port) { connection in
                try await connection.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
                #expect(try await connection.readHead().status == 100)
                try await connection.write("body")
                let response = try await connection.readResponse()
                #expect(response.status == 200)
                #expect(response.body.hasSuffix("\n\nbody"))
                #expect(!response.body.contains("expect="))
            }
            // Without an upstream the body is never asked for.
            try await harness.gateway.setEndpoint(Harness.endpoint([]))
            try await RawConnection.open(port: harness.port) { connection in
                try await connection.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
                let response = try await connection.readResponse()
                #expect(response.status == 503)
                #expect(response["connection"] == "close")
                #expect(try await connection.readToEnd().isEmpty)
            }
        }
    }

    @Test func aResponseThatEndsWithItsConnectionIsPassedOnWhole() async throws {
        let server = try await RawServer.start { connection in
            _ = try await connection.read(through: "\r\n\r\n")
            try await connection.write("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil the end")
        }
        try await Harness.run(upstreams: [Upstream(id: "old", host: "127.0.0.1", port: server.port)]) { harness in
            let response = try await harness.get()
            #expect(response.body == "until the end")
            #expect(response["transfer-encoding"] == "chunked")
        }
        await server.stop()
    }

    @Test func upstreamConnectionsAreKeptAndReused() async throws {
        let script: TestUpstream.Script = { try await $0.respond(body: "\($0.connection)") }
        try await Harness.run(upstreams: [script]) { harness, _ in
            try await RawConnection.open(port: harness.port) { connection in
                for _ in 0..<5 {
                    try await connection.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                    #expect(try await connection.readResponse().body == "1")
                }
            }
        }
    }

    @Test func anEarlyAnswerReachesAClientThatIsStillSending() async throws {
        let script: TestUpstream.Script = { request in
            try await request.respond(.payloadTooLarge, body: "too large")
            throw CancellationError()
        }
        try await Harness.run(upstreams: [script]) { harness, _ in
            try await RawConnection.open(port: harness.port) { connection in
                try await connection.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nsome")
                let response = try await connection.readResponse()
                #expect(response.status == 413)
                #expect(response["connection"] == "close")
                #expect(try await connection.readToEnd().isEmpty)
            }
        }
    }
}
