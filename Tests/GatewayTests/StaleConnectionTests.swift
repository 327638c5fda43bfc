import NIOCore
import NIOHTTP1
import Testing

@testable import Gateway

/// Upstreams that close a kept connection without a word, at the worst moments.
@Suite(.timeLimit(.minutes(2))) struct StaleConnectionTests {
    private static let okResponse = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    /// When an upstream closes a connection that it let its peer believe in.
    enum Moment: CaseIterable {
        /// As llama.cpp's server does: the end is on its way while the next request may be.
        case rightAfterTheResponse
        /// Certain to cost a request.
        case whenTheNextRequestComes
    }

    /// What one request of a test was: told by its id, which the gateway passes on.
    private actor Deliveries {
        private(set) var read: [String: Int] = [:]
        private(set) var answered: [String: Int] = [:]

        func noteRead(_ id: String) { read[id, default: 0] += 1 }
        func noteAnswered(_ id: String) { answered[id, default: 0] += 1 }
    }

    private static func requestID(in head: String) -> String {
        head.split(separator: "\r\n").first { $0.hasPrefix("X-Request-Id: ") }.map { String($0.dropFirst(14)) } ?? "none"
    }

    private static func upstream(_ server: RawServer, id: String = "r1") -> Upstream {
        Upstream(id: id, host: "127.0.0.1", port: server.port)
    }

    @Test(arguments: Moment.allCases)
    func clientsNeverSeeAConnectionThatClosesUnannounced(moment: Moment) async throws {
        let deliveries = Deliveries()
        let server = try await RawServer.start { connection in
            let id = Self.requestID(in: try await connection.read(through: "\r\n\r\n"))
            _ = try await connection.read(through: "prompt")
            await deliveries.noteRead(id)
            await deliveries.noteAnswered(id)
            let head = "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5, max=100\r\nTransfer-Encoding: chunked\r\n\r\n"
            try await connection.write(head + "5\r\ntoken\r\n0\r\n\r\n")
            guard moment == .whenTheNextRequestComes else { return }
            await deliveries.noteRead(Self.requestID(in: try await connection.read(through: "\r\n\r\n")))
        }
        let (clients, requests) = (4, 50)
        try await Harness.run(upstreams: [Self.upstream(server)]) { harness in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for client in 1...clients {
                    group.addTask {
                        try await RawConnection.open(port: harness.port) { connection in
                            for number in 1...requests {
                                let fields = "Host: a\r\nX-Request-Id: \(client)-\(number)\r\nContent-Length: 6"
                                try await connection.write("POST /v1/chat/completions HTTP/1.1\r\n\(fields)\r\n\r\nprompt")
                                let response = try await connection.readResponse()
                                #expect(response.status == 200)
                                #expect(response.body == "token")
                                #expect(response["x-request-id"] == "\(client)-\(number)")
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            let statistics = try #require(await harness.statistics(of: "r1"))
            #expect(statistics.errors == UpstreamErrors(connect: 0, timeout: 0, status5xx: 0, aborted: 0, clientGone: 0))
            #expect(statistics.requests == clients * requests + statistics.retries)
            #expect(statistics.inFlight == 0)
            if moment == .whenTheNextRequestComes { #expect(statistics.retries > 0) }
        }
        let (read, answered) = await (deliveries.read, deliveries.answered)
        #expect(answered.count == clients * requests)
        #expect(answered.values.allSatisfy { $0 == 1 })
        #expect(read.values.allSatisfy { $0 <= 2 })
        await server.stop()
    }

    @Test(arguments: ["GET", "POST"])
    func aRequestThatCrashesItsReplicaIsNotCarriedToTheNext(method: String) async throws {
        let (first, second) = (Latch(), Latch())
        func start(_ deliveries: Latch) async throws -> RawServer {
            try await RawServer.start { connection in
                while try await connection.read(through: "\r\n\r\n").contains("/warm") { try await connection.write(Self.okResponse) }
                await deliveries.signal()
            }
        }
        let servers = [try await start(first), try await start(second)]
        try await Harness.run(upstreams: [Self.upstream(servers[0]), Self.upstream(servers[1], id: "r2")]) { harness in
            try await RawConnection.open(port: harness.port) { connection in
                for _ in 1...2 {
                    try await connection.write("GET /warm HTTP/1.1\r\nHost: a\r\n\r\n")
                    #expect(try await connection.readResponse().status == 200)
                }
                try await connection.write("\(method) /crash HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
                let response = try await connection.readResponse()
                #expect(response.status == 502)
                #expect(response.body.contains(#""code":"replica_closed_connection""#))
                let deliveries = await [first.count, second.count]
                #expect(deliveries.sorted() == [0, 2])
                try await connection.write("GET /warm HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try await connection.readResponse().status == 200, "the client's connection goes on")
            }
        }
        for server in servers { await server.stop() }
    }

    @Test(arguments: [("POST", 502), ("GET", 200)])
    func whereTheReplicaIsGoneOnlyWhatIsSafeGoesElsewhere(method: String, status: Int) async throws {
        let (received, released) = (Latch(), Latch())
        try await withReservedPorts(1) { ports in
            let mortal = try await RawServer.start(port: ports[0]) { connection in
                _ = try await connection.read(through: "\r\n\r\n")
                try await connection.write(Self.okResponse)
                _ = try await connection.read(through: "\r\n\r\n")
                await received.signal()
                await released.reached()
            }
            let other = try await TestUpstream.start { try await $0.respond(body: "other") }
            let upstreams = [Self.upstream(mortal), Upstream(id: "r2", host: "127.0.0.1", port: other.port, state: .draining)]
            try await Harness.run(upstreams: upstreams) { harness in
                try await RawConnection.open(port: harness.port) { connection in
                    try await connection.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                    #expect(try await connection.readResponse().body == "ok")
                    try await connection.write("\(method) / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
                    await received.reached()
                    try await mortal.stopListening()
                    var ready = upstreams
                    ready[1].state = .ready
                    try await harness.gateway.setEndpoint(Harness.endpoint(ready))
                    await released.signal()
                    let response = try await connection.readResponse()
                    #expect(response.status == status)
                    if status == 502 { #expect(response.body.contains(#""code":"replica_closed_connection""#)) }
                }
                let statistics = await harness.statistics()
                #expect(statistics?.upstreams["r1"]?.errors.connect == 1)
                #expect(statistics?.upstreams["r1"]?.inFlight == 0)
                #expect(statistics?.upstreams["r2"]?.requests == (status == 200 ? 1 : 0))
            }
            await mortal.stop()
            await other.stop()
        }
    }

    @Test func anUnfinishedUploadIsRepeatedAsFarAsItCame() async throws {
        let (repeated, connections) = (Latch(), Latch())
        let server = try await RawServer.start { connection in
            await connections.signal()
            if await connections.count == 1 {
                _ = try await connection.read(through: "\r\n\r\n")
                try await connection.write(Self.okResponse)
                _ = try await connection.read(through: "hello ")
                return
            }
            let head = try await connection.read(through: "\r\n\r\n")
            #expect(head.hasPrefix("POST "))
            let replayed = try await connection.read(through: "hello ")
            #expect(replayed == "hello ", "the part that was sent, and nothing else")
            await repeated.signal()
            let rest = try await connection.read(through: "world")
            #expect(rest == "world")
            try await connection.write(Self.okResponse)
        }
        try await Harness.run(upstreams: [Self.upstream(server)]) { harness in
            try await RawConnection.open(port: harness.port) { connection in
                try await connection.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try await connection.readResponse().body == "ok")
                try await connection.write("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n")
                #expect(try await connection.readHead().status == 100)
                try await connection.write("hello ")
                await repeated.reached()
                try await connection.write("world")
                let response = try await connection.readResponse()
                #expect(response.status == 200, "the invitation to go on came once")
                #expect(response.body == "ok")
            }
            #expect(await harness.statistics(of: "r1")?.retries == 1)
        }
        await server.stop()
    }

    @Test func aBodyTooLongToRepeatGetsAFreshConnectionAtOnce() async throws {
        let script: TestUpstream.Script = { request in
            try await request.skipBody()
            try await request.respond(body: String(request.connection))
        }
        let body = String(repeating: "x", count: ReplayBuffer.limit + 1)
        try await Harness.run(upstreams: [script]) { harness, _ in
            try await RawConnection.open(port: harness.port) { connection in
                for (length, served) in [(0, "1"), (ReplayBuffer.limit, "1"), (ReplayBuffer.limit + 1, "2")] {
                    try await connection.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(length)\r\n\r\n\(body.prefix(length))")
                    #expect(try await connection.readResponse().body == served)
                }
            }
        }
    }

    @Test func aBodyThatTurnsOutTooLongToRepeatIsA502() async throws {
        let size = ReplayBuffer.limit + 1
        let server = try await RawServer.start { connection in
            _ = try await connection.read(through: "\r\n\r\n")
            try await connection.write(Self.okResponse)
            _ = try await connection.read(through: "last")
        }
        try await Harness.run(upstreams: [Self.upstream(server)]) { harness in
            try await RawConnection.open(port: harness.port) { connection in
                try await connection.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try await connection.readResponse().body == "ok")
                let chunk = String(size, radix: 16) + "\r\n" + String(repeating: "x", count: size - 4) + "last\r\n"
                try await connection.write("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\(chunk)")
                let response = try await connection.readResponse()
                #expect(response.status == 502)
                #expect(response.body.contains(#""code":"replica_closed_connection""#))
            }
            #expect(await harness.statistics(of: "r1")?.retries == 0)
        }
        await server.stop()
    }

    @Test(arguments: ["HTTP/1.1 2", "HTTP/1.1 100 Continue\r\n\r\n"])
    func aResponseThatBeganIsNotAskedForAgain(beginning: String) async throws {
        let server = try await RawServer.start { connection in
            _ = try await connection.read(through: "\r\n\r\n")
            try await connection.write(Self.okResponse)
            _ = try await connection.read(through: "\r\n\r\n")
            try await connection.write(beginning)
        }
        try await Harness.run(upstreams: [Self.upstream(server)]) { harness in
            try await RawConnection.open(port: harness.port) { connection in
                try await connection.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try await connection.readResponse().body == "ok")
                try await connection.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                let response = try await connection.readResponse()
                #expect(response.status == 502)
                #expect(response.body.contains(#""code":"replica_closed_connection""#))
            }
            #expect(await harness.statistics(of: "r1")?.retries == 0)
        }
        await server.stop()
    }

    @Test func bytesThatNobodyAskedForEndAConnection() async throws {
        let (served, closed) = (Latch(), Latch())
        let server = try await RawServer.start { connection in
            _ = try await connection.read(through: "\r\n\r\n")
            try await connection.write(Self.okResponse)
            await served.reached()
            try await connection.write("HTTP/1.1 200 OK\r\nX-Planted:")
            _ = try await connection.readToEnd()
            await closed.signal()
        }
        try await Harness.run(upstreams: [Self.upstream(server)]) { harness in
            let response = try await harness.get()
            #expect(response.body == "ok")
            await served.signal()
            await closed.reached()
        }
        await server.stop()
    }

    @Test(arguments: [
        ("timeout=5, max=100", ["1", "1", "1", "1"]), ("timeout=5, max=2", ["1", "1", "2", "2"]), ("timeout=1", ["1", "2", "3", "4"]),
    ])
    func aConnectionIsReusedOnItsPeersTerms(keepAlive: String, connections: [String]) async throws {
        let script: TestUpstream.Script = { try await $0.respond(.ok, ["Keep-Alive": keepAlive], body: String($0.connection)) }
        try await Harness.run(upstreams: [script]) { harness, _ in
            try await RawConnection.open(port: harness.port) { connection in
                for expected in connections {
                    try await connection.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
                    let response = try await connection.readResponse()
                    #expect(response.body == expected)
                    #expect(response["keep-alive"] == nil, "it is said of the upstream's connection only")
                }
            }
            #expect(await harness.statistics(of: "r1")?.retries == 0)
        }
    }
}
