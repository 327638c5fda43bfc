import Foundation
import Testing

@testable import ContainerEngine

@Suite("Requests for containers and builds")
struct ContainerRequestTests {
    private func body(_ specification: ContainerSpecification) throws -> String {
        String(decoding: try EngineJSON.encode(ContainerCreateBody(specification)), as: UTF8.self)
    }

    @Test("writes every part of a specification under the API's names")
    func everything() throws {
        var full = ContainerSpecification(
            image: "tiny:1", command: ["serve"], environment: ["B": "2", "A": "1=x"], labels: ["l": "v"],
            ports: [
                .init(containerPort: 8080, published: .init(hostPort: 9000)),
                .init(containerPort: 53, transport: .udp, published: .init(hostAddress: "")),
                .init(containerPort: 7000),
            ],
            mounts: [.init(source: .hostPath("/models"), target: "/m"), .init(source: .volume("v"), target: "/v", isReadOnly: false)])
        full.entrypoint = ["/bin/sh"]
        full.temporaryFileSystems = ["/tmp": .init(sizeBytes: 1024)]
        full.resources = .init(memoryBytes: 100, nanoCPUs: 500_000_000, maximumProcesses: 64, sharedMemoryBytes: 65536)
        full.security = .hardened
        full.gpus = .devices(["0", "GPU-x"])
        full.restartPolicy = .onFailure(maximumRetries: 2)
        full.stopSignal = "SIGINT"
        full.stopTimeout = .milliseconds(2500)
        full.healthCheck = .command(
            ["true"], schedule: .init(interval: .seconds(2), timeout: .seconds(1), startPeriod: .seconds(5), retries: 3))
        full.usesInit = true
        full.network = "none"
        full.logRetention = .init(fileBytes: 1000, files: 2)
        let expected = """
            {"Cmd":["serve"],"Entrypoint":["/bin/sh"],"Env":["A=1=x","B=2"],"ExposedPorts":{"53/udp":{},"7000/tcp":{},"8080/tcp":{}},\
            "Healthcheck":{"Interval":2000000000,"Retries":3,"StartPeriod":5000000000,"Test":["CMD","true"],"Timeout":1000000000},\
            "HostConfig":{"CapAdd":[],"CapDrop":["ALL"],"DeviceRequests":[{"Capabilities":[["gpu"]],"DeviceIDs":["0","GPU-x"]}],"Init":true,\
            "LogConfig":{"Config":{"max-file":"2","max-size":"1000"},"Type":"json-file"},"Memory":100,"MemorySwap":100,\
            "Mounts":[{"ReadOnly":true,"Source":"/models","Target":"/m","Type":"bind"},{"ReadOnly":false,"Source":"v","Target":"/v","Type":"volume"}],\
            "NanoCpus":500000000,"NetworkMode":"none","PidsLimit":64,\
            "PortBindings":{"53/udp":[{"HostIp":"","HostPort":""}],"8080/tcp":[{"HostIp":"127.0.0.1","HostPort":"9000"}]},"ReadonlyRootfs":true,\
            "RestartPolicy":{"MaximumRetryCount":2,"Name":"on-failure"},"SecurityOpt":["no-new-privileges"],"ShmSize":65536,\
            "Tmpfs":{"/tmp":"rw,nosuid,nodev,noexec,size=1024"}},\
            "Image":"tiny:1","Labels":{"l":"v"},"StopSignal":"SIGINT","StopTimeout":3}
            """
        #expect(try body(full) == expected)
    }

    @Test("asks for GPUs by number, and for all as -1")
    func gpus() throws {
        var specification = ContainerSpecification(image: "a")
        specification.gpus = .count(2)
        #expect(try body(specification).contains(#""DeviceRequests":[{"Capabilities":[["gpu"]],"Count":2}]"#))
        specification.gpus = .all
        #expect(try body(specification).contains(#""Count":-1"#))
        specification.healthCheck = .disabled
        #expect(try body(specification).contains(#""Healthcheck":{"Test":["NONE"]}"#))
    }

    @Test("refuses what an engine would misunderstand")
    func refusals() {
        func refused(_ change: (inout ContainerSpecification) -> Void) -> Bool {
            var specification = ContainerSpecification(image: "a")
            change(&specification)
            do {
                _ = try ContainerCreateBody(specification)
                return false
            } catch {
                return true
            }
        }
        #expect(refused { $0.environment = ["A=B": "1"] })
        #expect(refused { $0.environment = ["": "1"] })
        #expect(refused { $0.ports = [.init(containerPort: 0)] })
        #expect(refused { $0.ports = [.init(containerPort: 1, published: .init(hostPort: 65_536))] })
        #expect(refused { $0.mounts = [.init(source: .volume("v"), target: "relative")] })
        #expect(refused { $0.temporaryFileSystems = ["tmp": .init()] })
        #expect(refused { $0.gpus = .count(0) })
        #expect(refused { $0.gpus = .devices([]) })
        #expect(!refused { _ in })
    }

    @Test("writes the parameters of a build")
    func build() throws {
        let request = ImageBuildRequest(
            tags: ["a:1", "a:2"], dockerfile: "docker/File", buildArguments: ["K": "v"], labels: ["l": "x"], target: "t",
            ignoresCache: true,
            memoryBytes: 100, nanoCPUs: 1_500_000_000, sharedMemoryBytes: 5, network: "none")
        let query = try request.query().map { "\($0.name)=\($0.value)" }
        #expect(
            query == [
                "version=1", "dockerfile=docker/File", "rm=1", "forcerm=1", "t=a:1", "t=a:2", #"buildargs={"K":"v"}"#, #"labels={"l":"x"}"#,
                "target=t",
                "nocache=1", "memory=100", "memswap=100", "cpuperiod=100000", "cpuquota=150000", "shmsize=5", "networkmode=none",
            ])
        #expect(throws: ContainerEngineError.self) { try ImageBuildRequest(tags: ["../x"]).query() }
        #expect(throws: ContainerEngineError.self) { try ImageBuildRequest(tags: [], nanoCPUs: 1).query() }
    }
}
