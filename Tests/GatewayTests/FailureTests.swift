import NIOCore
import NIOHTTP1
import Testing

@testable import Gateway

@Suite(.timeLimit(.minutes(2))) struct FailureTests {
    private let ok: TestUpstream.Script = { try await $0.respond(body: "ok") }

    @Test func withoutAReadyReplicaTheAnswerSaysSo() async throws {
        try await Harness.run(upstreams: [Upstream(id: "r1", host: "127.0.0.1", port: 1, state: .draining)]) { harness in
            let response = try await harness.get()
            #expect(response.status == 503)
            #expect(response["retry-after"] == "1")
            #expect(response["content-type"] == "application/json")
            #expect(response.body.contains(#""code":"no_ready_replica""#))
            #expect(response.body.contains(#""error_type":"ServiceUnavailableError""#))
            let head = try await harness.get(method: "HEAD")
            #expect(head.status == 503)
            #expect(await harness.statistics()?.noReadyReplica == 2)
        }
    }

    @Test func aRefusedConnectIsTriedElsewhereWhateverTheMethod() async throws {
        try await withReservedPorts(1) { ports in
            let server = try await TestUpstream.start { request in
                let body = try await request.readBody()
                try await request.respond(body: "got " + body)
            }
            let upstreams = [
                Upstream(id: "dead", host: "127.0.0.1", port: ports[0]), Upstream(id: "r1", host: "127.0.0.1", port: server.port),
            ]
            // A long ejection: one failed connect per event loop is all that may be seen.
            let options = GatewayOptions(outlierPolicy: OutlierPolicy(base: .seconds(600), max: .seconds(600)))
            try await Harness.run(options: options, upstreams: upstreams) { harness in
                for _ in 0..<40 {
                    let response = try await harness.get(method: "POST", headers: "Content-Length: 4\r\n", body: "body")
                    #expect(response.status == 200)
                    #expect(response.body == "got body")
                }
                let dead = try #require(await harness.statistics(of: "dead"))
                #expect(dead.errors.connect >= 1)
                #expect(dead.errors.connect == dead.retries)
                #expect(dead.requests == dead.errors.connect)
                #expect(dead.requests < 40, "ejected after the first failure on each event loop")
                #expect(dead.inFlight == 0)
            }
            await server.stop()
        }
    }

    @Test func whereAllRefuseTheAnswerIs502AndRecoveryNeedsNoWaiting() async throws {
        try await withReservedPorts(1) { ports in
            let options = GatewayOptions(outlierPolicy: OutlierPolicy(base: .seconds(600), max: .seconds(600)))
            try await Harness.run(options: options, upstreams: [Upstream(id: "r1", host: "127.0.0.1", port: ports[0])]) { harness in
                let response = try await harness.get(method: "POST", headers: "Content-Length: 4\r\n", body: "body")
                #expect(response.status == 502)
                #expect(response.body.contains(#""code":"replica_unreachable""#))
                let server = try await TestUpstream.start(port: ports[0], ok)
                // Ejected, but the only one: it is tried all the same.
                #expect(try await harness.get().status == 200)
                await server.stop()
            }
        }
    }

    @Test func aPooledConnectionThatClosedIsNotUsedAtAll() async throws {
        // A request need not be repeated where the gateway can know that the connection is closed.
        let server = try await RawServer.start { connection in
            _ = try await connection.read(through: "\r\n\r\n")
            try await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        }
        try await Harness.run(upstreams: [Upstream(id: "r1", host: "127.0.0.1", port: server.port)]) { harness in
            try await RawConnection.open(port: harness.port) { connection in
                for _ in 0..<20 {
                    try await connection.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
                    #expect(try await connection.readResponse().body == "ok")
                }
            }
            #expect(await harness.statistics(of: "r1")?.retries == 0)
        }
        await server.stop()
    }

    @Test(arguments: ["Content-Length: 100", "Transfer-Encoding: chunked"])
    func aResponseThatBreaksOffHasNoCleanEnd(framing: String) async throws {
        let seen = Latch()
        let server = try await RawServer.start { connection in
            _ = try await connection.read(through: "\r\n\r\n")
            try await connection.write("HTTP/1.1 200 OK\r\n\(framing)\r\n\r\n5\r\nhello\r\n")
            await seen.reached()
        }
        try await Harness.run(upstreams: [Upstream(id: "r1", host: "127.0.0.1", port: server.port)]) { harness in
            try await RawConnection.open(port: harness.port) { connection in
                try await connection.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try await connection.readHead().status == 200)
                #expect(try await connection.read(through: "hello") == "5\r\nhello")
                await seen.signal()
                let rest = try await connection.readToEnd()
                #expect(rest == "\r\n", "no terminator, and nothing else")
            }
            let statistics = await harness.statistics(of: "r1")
            #expect(statistics?.errors.aborted == 1)
            #expect(statistics?.inFlight == 0)
        }
        await server.stop()
    }

    @Test func aResponseThatOnlyItsConnectionEndsIsResetWhenItBreaksOff() async throws {
        let seen = Latch()
        let server = try await RawServer.start { connection in
            _ = try await connection.read(through: "\r\n\r\n")
            try await connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
            await seen.reached()
        }
        try await Harness.run(upstreams: [Upstream(id: "r1", host: "127.0.0.1", port: server.port)]) { harness in
            try await RawConnection.open(port: harness.port) { connection in
                try await connection.write("GET / HTTP/1.0\r\n\r\n")
                _ = try await connection.read(through: "\r\n\r\nhello")
                await seen.signal()
                let reset = try await connection.endsWithReset()
                #expect(reset, "an HTTP/1.0 client would take a plain end for the whole body")
            }
        }
        await server.stop()
    }

    @Test(arguments: ["nonsense\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "HTTP/1.1 101 Switching Protocols\r\n\r\n"])
    func whatIsNoHTTPIsA502(answer: String) async throws {
        let server = try await RawServer.start { connection in
            _ = try await connection.read(through: "\r\n\r\n")
            try await connection.write(answer)
            _ = try await connection.readToEnd()
        }
        try await Harness.run(upstreams: [Upstream(id: "r1", host: "127.0.0.1", port: server.port)]) { harness in
            let response = try await harness.get()
            #expect(response.status == 502)
            #expect(response.body.contains(#""code":"replica_invalid_response""#))
        }
        await server.stop()
    }

    @Test func aClientThatLeavesCancelsItsRequest() async throws {
        let (begun, cancelled) = (Latch(), Latch())
        let script: TestUpstream.Script = { request in
            if request.head.uri == "/stream" {
                try await request.start()
                try await request.send("begun")
            }
            await begun.signal()
            try await request.skipBody()
            await request.peerGone()
            await cancelled.signal()
        }
        try await Harness.run(upstreams: [script]) { harness, _ in
            for (number, path) in ["/wait", "/stream"].enumerated() {
                try await RawConnection.open(port: harness.port) { connection in
                    try await connection.write("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n")
                    await begun.reached(number + 1)
                }
                await cancelled.reached(number + 1)
            }
            #expect(await harness.gateway.drain(endpoint: Harness.endpointID, upstream: "r1", deadline: .now + .seconds(60)) == .drained)
            #expect(await harness.statistics(of: "r1")?.errors.clientGone == 2)
        }
    }

    @Test func aReplicaThatDoesNotAnswerIsA504() async throws {
        let cancelled = Latch()
        let script: TestUpstream.Script = { request in
            try await request.skipBody()
            await request.peerGone()
            await cancelled.signal()
        }
        let timeouts = EndpointTimeouts(responseHead: .milliseconds(50))
        try await Harness.run(timeouts: timeouts, upstreams: [script]) { harness, _ in
            let response = try await harness.get()
            #expect(response.status == 504)
            #expect(response.body.contains(#""code":"replica_timeout""#))
            await cancelled.reached()
            #expect(await harness.statistics(of: "r1")?.errors.timeout == 1)
        }
    }

    @Test func aBodyThatStopsIsCutOff() async throws {
        let script: TestUpstream.Script = { request in
            try await request.start()
            try await request.send("some")
            await request.peerGone()
        }
        let timeouts = EndpointTimeouts(bodyIdle: .milliseconds(50))
        try await Harness.run(timeouts: timeouts, upstreams: [script]) { harness, _ in
            try await RawConnection.open(port: harness.port) { connection in
                try await connection.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try await connection.readHead().status == 200)
                #expect(try await connection.readToEnd() == "4\r\nsome\r\n")
            }
            #expect(await harness.statistics(of: "r1")?.errors.timeout == 1)
        }
    }

    @Test func anUploadThatStopsIsA408() async throws {
        let script: TestUpstream.Script = { try await $0.skipBody() }
        let timeouts = EndpointTimeouts(bodyIdle: .milliseconds(50))
        try await Harness.run(timeouts: timeouts, upstreams: [script]) { harness, _ in
            let response = try await harness.get(method: "POST", headers: "Content-Length: 9\r\n", body: "some")
            #expect(response.status == 408)
            #expect(await harness.statistics(of: "r1")?.errors.clientGone == 1)
        }
    }

    @Test func unusedClientConnectionsAreClosed() async throws {
        let options = GatewayOptions(clientIdleTimeout: .seconds(1))
        try await Harness.run(options: options, upstreams: [ok]) { harness, _ in
            try await RawConnection.open(port: harness.port) { connection in
                try await connection.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try await connection.readResponse().body == "ok")
                #expect(try await connection.readToEnd().isEmpty)
            }
            try await RawConnection.open(port: harness.port) { connection in
                try await connection.write("GET / HTTP/1.1\r\nHost")
                #expect(try await connection.readToEnd().isEmpty, "half a head does not keep a connection")
            }
        }
    }

    @Test func unusedUpstreamConnectionsAreClosed() async throws {
        let closed = Latch()
        let server = try await RawServer.start { connection in
            _ = try await connection.read(through: "\r\n\r\n")
            try await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            _ = try await connection.readToEnd()
            await closed.signal()
        }
        let timeouts = EndpointTimeouts(upstreamIdle: .milliseconds(50))
        let upstream = Upstream(id: "r1", host: "127.0.0.1", port: server.port)
        try await Harness.run(upstreams: [upstream]) { harness in
            try await harness.gateway.setEndpoint(Harness.endpoint([upstream], timeouts: timeouts))
            #expect(try await harness.get().status == 200)
            await closed.reached()
        }
        await server.stop()
    }
}
