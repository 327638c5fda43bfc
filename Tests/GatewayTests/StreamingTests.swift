import NIOCore
import NIOHTTP1
import Testing

@testable import Gateway

@Suite(.timeLimit(.minutes(2))) struct StreamingTests {
    private static let size = 64 << 20
    private static let piece = 64 << 10
    /// More than all buffers on the way hold, the kernel's included, and much less than a whole transfer.
    private static let bound = 8 << 20
    private static let options = GatewayOptions(socketBufferBytes: socketBufferBytes)

    @Test func eventsArriveWhileTheUpstreamHoldsTheRest() async throws {
        let (seen, gone) = (Latch(), Latch())
        let script: TestUpstream.Script = { request in
            try await request.start(.ok, ["Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"])
            for number in 1...20 {
                try await request.send("data: \(number)\n\n")
                // The next event is not written before the client has this one.
                await seen.reached(number)
            }
            try await request.end()
            await gone.signal()
        }
        try await Harness.run(upstreams: [script]) { harness, _ in
            try await RawConnection.open(port: harness.port) { connection in
                try await connection.write("GET /events HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try await connection.readHead()["content-type"] == "text/event-stream")
                for number in 1...20 {
                    #expect(try await connection.readChunk() == "data: \(number)\n\n")
                    await seen.signal()
                }
                #expect(try await connection.readChunk() == nil)
            }
            await gone.reached()
        }
    }

    @Test func requestAndResponseStreamAtTheSameTime() async throws {
        let script: TestUpstream.Script = { request in
            try await request.start()
            while let bytes = try await request.nextBytes() { try await request.send(bytes) }
            try await request.end()
        }
        try await Harness.run(upstreams: [script]) { harness, _ in
            try await RawConnection.open(port: harness.port) { connection in
                try await connection.write("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
                #expect(try await connection.readHead().status == 200)
                for number in 1...10 {
                    try await connection.write("3\r\nab\(number % 10)\r\n")
                    #expect(try await connection.readChunk() == "ab\(number % 10)")
                }
                try await connection.write("0\r\n\r\n")
                #expect(try await connection.readChunk() == nil)
            }
        }
    }

    @Test func aSlowReaderHoldsTheUpstreamBack() async throws {
        let pattern = Pattern()
        let written = Progress()
        let script: TestUpstream.Script = { request in
            guard request.head.uri == "/download" else { return try await request.respond(body: "pong") }
            try await request.start(.ok, ["Content-Length": "\(Self.size)"])
            var offset = 0
            while offset < Self.size {
                let bytes = pattern.bytes(at: offset, count: min(Self.piece - 1, Self.size - offset))
                try await request.send(bytes)
                offset += bytes.readableBytes
                await written.reach(offset)
            }
            try await request.end()
        }
        try await Harness.run(options: Self.options, upstreams: [script]) { harness, _ in
            try await RawConnection.open(port: harness.port) { connection in
                try await connection.write("GET /download HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try await connection.readHead()["content-length"] == "\(Self.size)")
                var (read, widest, intact, reads) = (0, 0, true, 0)
                while read < Self.size, let bytes = try await connection.readBytes() {
                    intact = intact && pattern.matches(bytes, at: read)
                    read += bytes.readableBytes
                    reads += 1
                    // The reader is slow: it does a whole other request before it goes on, time for the gateway to run ahead if it did.
                    if reads % 16 == 1 { #expect(try await harness.get("/ping").body == "pong") }
                    widest = max(widest, await written.value - read)
                }
                #expect(read == Self.size)
                #expect(intact)
                #expect(widest < Self.bound)
            }
            let statistics = try #require(await harness.statistics(of: "r1"))
            #expect(statistics.pauses > 0)
            #expect(statistics.responseBytes >= Self.size)
        }
    }

    @Test func aSlowUpstreamHoldsTheClientBack() async throws {
        let pattern = Pattern()
        let (written, mayRead) = (Progress(), Latch())
        let script: TestUpstream.Script = { request in
            guard request.head.uri == "/upload" else { return try await request.respond(body: "pong") }
            await mayRead.reached()
            var (read, intact) = (0, true)
            while let bytes = try await request.nextBytes() {
                intact = intact && pattern.matches(bytes, at: read)
                read += bytes.readableBytes
            }
            try await request.respond(body: "\(read) \(intact)")
        }
        try await Harness.run(options: Self.options, upstreams: [script]) { harness, _ in
            try await RawConnection.open(port: harness.port) { connection in
                try await connection.write("POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: \(Self.size)\r\n\r\n")
                async let rounds: Void = {
                    // Nobody reads the upload meanwhile: whatever is written now sits in a buffer somewhere.
                    for _ in 0..<200 {
                        let pong = try await harness.get("/ping").body
                        #expect(pong == "pong")
                    }
                    #expect(await written.value < Self.bound)
                    await mayRead.signal()
                }()
                var offset = 0
                while offset < Self.size {
                    let bytes = pattern.bytes(at: offset, count: min(Self.piece - 1, Self.size - offset))
                    try await connection.write(bytes)
                    offset += bytes.readableBytes
                    await written.reach(offset)
                }
                try await rounds
                #expect(try await connection.readResponse().body == "\(Self.size) true")
            }
            #expect(await harness.statistics(of: "r1")?.requestBytes == Self.size)
        }
    }

    @Test func aConnectionThatWasPausedServesAgain() async throws {
        let script: TestUpstream.Script = { request in
            guard request.head.uri == "/large" else { return try await request.respond(body: "\(request.connection)") }
            try await request.respond(body: String(repeating: "x", count: 16 << 20))
        }
        try await Harness.run(upstreams: [script]) { harness, _ in
            try await RawConnection.open(port: harness.port) { connection in
                for _ in 0..<3 {
                    try await connection.write("GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
                    #expect(try await connection.readResponse().body.utf8.count == 16 << 20)
                    try await connection.write("GET /small HTTP/1.1\r\nHost: a\r\n\r\n")
                    #expect(try await connection.readResponse().body == "1")
                }
            }
        }
    }
}

/// How far a writer has come.
private actor Progress {
    private(set) var value = 0

    func reach(_ value: Int) {
        self.value = value
    }
}
