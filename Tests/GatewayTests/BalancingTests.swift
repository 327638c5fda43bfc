import NIOHTTP1
import Testing

@testable import Gateway

@Suite(.timeLimit(.minutes(2))) struct BalancingTests {
    /// Upstreams that hold each request until the latch is open.
    private func holding(_ count: Int, arrived: Latch, release: Latch) -> [TestUpstream.Script] {
        (0..<count).map { _ in
            { request in
                await arrived.signal()
                await release.reached()
                try await request.respond(body: "done")
            }
        }
    }

    @Test func requestsGoWhereTheFewestAre() async throws {
        let (arrived, release) = (Latch(), Latch())
        try await Harness.run(upstreams: holding(3, arrived: arrived, release: release)) { harness, _ in
            try await withThrowingTaskGroup(of: RawResponse.self) { group in
                for number in 1...12 {
                    group.addTask { try await harness.get() }
                    await arrived.reached(number)
                }
                for id in ["r1", "r2", "r3"] { #expect(await harness.statistics(of: id)?.inFlight == 4) }
                await release.signal()
                for try await response in group { #expect(response.body == "done") }
            }
            for id in ["r1", "r2", "r3"] {
                let statistics = await harness.statistics(of: id)
                #expect(statistics?.inFlight == 0)
                #expect(statistics?.requests == 4)
            }
        }
    }

    @Test func drainingWaitsForWhatIsInFlightAndLetsNothingNewIn() async throws {
        let (arrived, release) = (Latch(), Latch())
        try await Harness.run(upstreams: holding(2, arrived: arrived, release: release)) { harness, _ in
            try await withThrowingTaskGroup(of: RawResponse.self) { group in
                for number in 1...4 {
                    group.addTask { try await harness.get() }
                    await arrived.reached(number)
                }
                let early = await harness.gateway.drain(endpoint: Harness.endpointID, upstream: "r1", deadline: .now)
                #expect(early == .deadlineExceeded(inFlight: 2))
                async let drained = harness.gateway.drain(endpoint: Harness.endpointID, upstream: "r1", deadline: .now + .seconds(60))
                for number in 5...8 {
                    group.addTask { try await harness.get() }
                    await arrived.reached(number)
                }
                #expect(await harness.statistics(of: "r1")?.requests == 2)
                #expect(await harness.statistics(of: "r2")?.requests == 6)
                await release.signal()
                #expect(await drained == .drained)
                #expect(await harness.statistics(of: "r1")?.inFlight == 0)
                for try await response in group { #expect(response.status == 200) }
            }
            for _ in 0..<6 { #expect(try await harness.get()["x-catapult-replica"] == "r2") }
        }
    }

    @Test func aRemovedUpstreamCanStillBeDrained() async throws {
        let (arrived, release) = (Latch(), Latch())
        try await Harness.run(upstreams: holding(2, arrived: arrived, release: release)) { harness, upstreams in
            try await withThrowingTaskGroup(of: RawResponse.self) { group in
                for number in 1...2 {
                    group.addTask { try await harness.get() }
                    await arrived.reached(number)
                }
                try await harness.gateway.setEndpoint(Harness.endpoint([upstreams[1]]))
                let early = await harness.gateway.drain(endpoint: Harness.endpointID, upstream: "r1", deadline: .now)
                #expect(early == .deadlineExceeded(inFlight: 1))
                async let drained = harness.gateway.drain(endpoint: Harness.endpointID, upstream: "r1", deadline: .now + .seconds(60))
                await release.signal()
                #expect(await drained == .drained)
                for try await response in group { #expect(response.status == 200) }
            }
            #expect(await harness.gateway.drain(endpoint: "unknown", upstream: "r1", deadline: .now) == .drained)
        }
    }

    @Test func anUpstreamThatIsReadyAgainGetsRequestsAgain() async throws {
        let script: TestUpstream.Script = { try await $0.respond(body: "ok") }
        try await Harness.run(upstreams: [script, script]) { harness, upstreams in
            #expect(await harness.gateway.drain(endpoint: Harness.endpointID, upstream: "r1", deadline: .now) == .drained)
            for _ in 0..<4 { #expect(try await harness.get()["x-catapult-replica"] == "r2") }
            try await harness.gateway.setEndpoint(Harness.endpoint(upstreams))
            var replicas = Set<String?>()
            for _ in 0..<8 { replicas.insert(try await harness.get()["x-catapult-replica"]) }
            #expect(replicas == ["r1", "r2"])
        }
    }
}
