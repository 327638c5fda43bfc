import Testing

@testable import ContainerEngine

@Suite("Descriptions by the engine")
struct DecodingTests {
    private func decode<Value: Decodable>(_ json: String) throws -> Value {
        try EngineJSON.decode(Value.self, from: Array(json.utf8), call: "a test")
    }

    @Test("reads a container with health, ports of both address families, and an end for want of memory")
    func container() throws {
        let container: ContainerInspection = try decode(
            #"""
            {"Id":"ab","Created":"2026-11-21T09:11:57.938297001Z","State":{"Status":"exited","Running":false,"OOMKilled":true,"Pid":0,"ExitCode":137,
            "Error":"","StartedAt":"2026-11-21T09:11:58Z","FinishedAt":"0001-01-01T00:00:00Z","Health":{"Status":"unhealthy","FailingStreak":2,
            "Log":[{"ExitCode":0,"Output":"old"},{"ExitCode":1,"Output":"new"}]}},"Image":"sha256:cd","Name":"/web","RestartCount":3,
            "Config":{"Image":"web:1","Labels":null,"Env":["A=b"],"Cmd":null,"Tty":true},"NetworkSettings":{"Ports":{"8080/tcp":[
            {"HostIp":"::","HostPort":"9000"},{"HostIp":"0.0.0.0","HostPort":"9000"}],"53/udp":null},"Networks":{"bridge":{"IPAddress":"172.17.0.2"},
            "other":{"IPAddress":""}}}}
            """#)
        #expect(container.name == "web")
        #expect(container.imageID == "sha256:cd")
        #expect(container.image == "web:1")
        #expect(container.state.wasOutOfMemory)
        #expect(container.state.exitCode == 137)
        #expect(container.state.processID == nil)
        #expect(container.state.finishedAt == nil)
        #expect(container.state.health == .init(status: .unhealthy, failingStreak: 2, lastOutput: "new"))
        #expect(container.restartCount == 3)
        #expect(container.labels.isEmpty)
        #expect(container.command.isEmpty)
        #expect(container.hasTerminal)
        #expect(container.addresses == ["bridge": "172.17.0.2"])
        #expect(
            container.ports == [
                PublishedPort(containerPort: 8080, transport: .tcp, hostAddress: "0.0.0.0", hostPort: 9000),
                PublishedPort(containerPort: 8080, transport: .tcp, hostAddress: "::", hostPort: 9000),
            ])
    }

    @Test("reads lists whose fields are null or unknown")
    func lists() throws {
        let containers: [ContainerSummary] = try decode(
            #"[{"Id":"a","Names":["/x"],"Image":"i","ImageID":"j","Created":5,"State":"melting","Status":"?","Labels":null,"Ports":[{"PrivatePort":80}]}]"#
        )
        #expect(containers.first?.status == .unknown)
        #expect(containers.first?.names == ["x"])
        #expect(containers.first?.ports.isEmpty == true)
        let images: [ImageSummary] = try decode(
            #"[{"Id":"a","RepoTags":["<none>:<none>"],"Created":5,"Size":7,"Labels":null},{"Id":"b","RepoTags":null}]"#)
        #expect(images.map(\.tags) == [[], []])
        #expect(images.map(\.sizeBytes) == [7, 0])
    }

    @Test("sums disk usage, where -1 is unknown and shared cache counts once")
    func diskUsage() throws {
        let usage: DiskUsage = try decode(
            #"""
            {"LayersSize":100,"Images":null,"Containers":[{"SizeRw":5},{}],"Volumes":[{"UsageData":{"Size":-1}},{"UsageData":{"Size":3}},{"UsageData":null}],
            "BuildCache":[{"Size":7,"Shared":false},{"Size":9,"Shared":true}]}
            """#)
        #expect([usage.layersBytes, usage.containersBytes, usage.volumesBytes, usage.buildCacheBytes] == [100, 5, 3, 7])
    }
}
