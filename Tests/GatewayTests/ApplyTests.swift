import Logging
import NIOHTTP1
import NIOPosix
import Testing

@testable import Gateway

@Suite(.timeLimit(.minutes(2))) struct ApplyTests {
    private let ok: TestUpstream.Script = { try await $0.respond(body: "ok") }

    @Test func aPortInUseIsReportedAndTheRestApplied() async throws {
        try await withReservedPorts(1) { ports in
            let taken = ports[0]
            let blocker = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .bind(host: "127.0.0.1", port: taken).get()
            try await Harness.run(upstreams: [ok]) { harness, upstreams in
                var second = Harness.endpoint(upstreams, port: taken)
                second.id = "deployment-2"
                let configuration = GatewayConfiguration(endpoints: [Harness.endpoint(upstreams), second])
                let report = try await harness.gateway.apply(configuration)
                #expect(report.failures == ["deployment-2": .addressInUse(host: "127.0.0.1", port: taken)])
                #expect(report.bound == [Harness.endpointID: EndpointAddress(host: "127.0.0.1", port: harness.port)])
                #expect(try await harness.get().status == 200)

                try await blocker.close()
                let again = try await harness.gateway.apply(configuration)
                #expect(again.failures.isEmpty)
                #expect(again.bound["deployment-2"]?.port == taken)
                #expect(try await Harness(gateway: harness.gateway, port: taken).get().status == 200)
            }
        }
    }

    @Test func anEndpointWhoseNewAddressFailsStaysAtTheOldOne() async throws {
        try await withReservedPorts(1) { ports in
            let taken = ports[0]
            let blocker = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .bind(host: "127.0.0.1", port: taken).get()
            try await Harness.run(upstreams: [ok]) { harness, upstreams in
                let report = try await harness.gateway.setEndpoint(Harness.endpoint(upstreams, port: taken))
                #expect(report.failures == [Harness.endpointID: .addressInUse(host: "127.0.0.1", port: taken)])
                #expect(report.bound[Harness.endpointID]?.port == harness.port)
                #expect(try await harness.get().status == 200)
            }
            try await blocker.close()
        }
    }

    @Test func endpointsCanSwapTheirPorts() async throws {
        try await withReservedPorts(2) { ports in
            let first: TestUpstream.Script = { try await $0.respond(body: "first") }
            let second: TestUpstream.Script = { try await $0.respond(body: "second") }
            try await Harness.run(upstreams: [first, second]) { harness, upstreams in
                var (one, two) = (Harness.endpoint([upstreams[0]]), Harness.endpoint([upstreams[1]]))
                two.id = "deployment-2"
                one.address.port = ports[0]
                two.address.port = ports[1]
                let before = try await harness.gateway.apply(GatewayConfiguration(endpoints: [one, two]))
                #expect(before.failures.isEmpty)
                #expect(try await Harness(gateway: harness.gateway, port: one.address.port).get().body == "first")
                swap(&one.address, &two.address)
                let after = try await harness.gateway.apply(GatewayConfiguration(endpoints: [one, two]))
                #expect(after.failures.isEmpty)
                #expect(try await Harness(gateway: harness.gateway, port: one.address.port).get().body == "first")
                #expect(try await Harness(gateway: harness.gateway, port: two.address.port).get().body == "second")
            }
        }
    }

    @Test func anInvalidConfigurationChangesNothing() async throws {
        try await Harness.run(upstreams: [ok]) { harness, upstreams in
            let endpoint = Harness.endpoint(upstreams)
            await #expect(throws: GatewayError.self) {
                try await harness.gateway.apply(GatewayConfiguration(endpoints: [endpoint, endpoint]))
            }
            let response = try await harness.get()
            #expect(response.status == 200)
        }
    }

    @Test func aRemovedEndpointFinishesWhatItHas() async throws {
        let (arrived, release) = (Latch(), Latch())
        let script: TestUpstream.Script = { request in
            await arrived.signal()
            await release.reached()
            try await request.respond(body: "finished")
        }
        try await Harness.run(upstreams: [script]) { harness, _ in
            try await RawConnection.open(port: harness.port) { connection in
                try await connection.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                await arrived.reached()
                let report = try await harness.gateway.removeEndpoint(Harness.endpointID)
                #expect(report.removed == [Harness.endpointID])
                #expect(report.bound.isEmpty)
                await release.signal()
                let response = try await connection.readResponse()
                #expect(response.body == "finished")
                #expect(response["connection"] == "close")
                #expect(try await connection.readToEnd().isEmpty)
            }
            await #expect(throws: (any Error).self) { try await harness.get() }
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func noRequestIsLostWhileConfigurationsChange(seed: UInt64) async throws {
        let script: TestUpstream.Script = { request in
            let body = try await request.readBody()
            try await request.start()
            for piece in body.split(separator: ",") { try await request.send(String(piece)) }
            try await request.end()
        }
        try await Harness.run(upstreams: [script, script, script, script]) { harness, upstreams in
            let finished = Latch()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for client in 0..<4 {
                    group.addTask {
                        try await RawConnection.open(port: harness.port) { connection in
                            for number in 0..<60 {
                                let body = "\(client),-,\(number)"
                                let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
                                try await connection.write(head + body)
                                let response = try await connection.readResponse()
                                #expect(response.status == 200)
                                #expect(response.body == "\(client)-\(number)")
                            }
                        }
                        await finished.signal()
                    }
                }
                group.addTask {
                    var random = SeededGenerator(state: seed)
                    var changes = 0
                    while await finished.count < 4 || changes < 20 {
                        changes += 1
                        // Any mixture of ready, draining and absent, with at least one that is ready.
                        var chosen = upstreams.shuffled(using: &random).prefix(Int.random(in: 1...4, using: &random))
                        for index in chosen.indices.dropFirst() where Bool.random(using: &random) { chosen[index].state = .draining }
                        var others: [EndpointConfiguration] = []
                        if Bool.random(using: &random) {
                            var other = Harness.endpoint(upstreams)
                            other.id = "deployment-2"
                            others.append(other)
                        }
                        let report = try await harness.gateway.apply(
                            GatewayConfiguration(endpoints: [Harness.endpoint(Array(chosen))] + others)
                        )
                        #expect(report.failures.isEmpty)
                        #expect(report.bound[Harness.endpointID]?.port == harness.port)
                    }
                }
                try await group.waitForAll()
            }
            let statistics = try #require(await harness.statistics())
            #expect(statistics.requests == 240)
            #expect(statistics.upstreams.values.allSatisfy { $0.inFlight == 0 })
        }
    }

    @Test func shutdownFinishesWhatIsUnderWay() async throws {
        let (arrived, release) = (Latch(), Latch())
        let script: TestUpstream.Script = { request in
            try await request.start()
            try await request.send("one")
            await arrived.signal()
            await release.reached()
            try await request.send("two")
            try await request.end()
        }
        try await Harness.run(upstreams: [script]) { harness, upstreams in
            try await RawConnection.open(port: harness.port) { idle in
                try await RawConnection.open(port: harness.port) { connection in
                    try await connection.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                    await arrived.reached()
                    async let cut = harness.gateway.shutdown(graceDeadline: .now + .seconds(60))
                    #expect(try await idle.readToEnd().isEmpty, "closed at once: it had nothing under way")
                    await release.signal()
                    #expect(try await connection.readResponse().body == "onetwo")
                    #expect(await cut == 0)
                }
            }
            await #expect(throws: GatewayError.shutDown) { try await harness.gateway.setEndpoint(Harness.endpoint(upstreams)) }
        }
    }

    @Test func shutdownCutsOffWhatDoesNotEnd() async throws {
        let (arrived, gone) = (Latch(), Latch())
        let script: TestUpstream.Script = { request in
            try await request.skipBody()
            await arrived.signal()
            await request.peerGone()
            await gone.signal()
        }
        try await Harness.run(upstreams: [script]) { harness, _ in
            try await RawConnection.open(port: harness.port) { connection in
                try await connection.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                await arrived.reached()
                #expect(await harness.gateway.shutdown(graceDeadline: .now) == 1)
                #expect(try await connection.readToEnd().isEmpty)
            }
            await gone.reached()
        }
    }
}

/// Random numbers that a failed test can repeat (SplitMix64).
private struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
