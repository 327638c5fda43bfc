import CatapultAPI
import Foundation
import Testing

extension Integration {
    /// The main job as a person does it: with `mcp` alone.
    @Suite struct MainJobByCommand {
        @Test func `from files to an answering endpoint and back`() async throws {
            try await TestServer.run { server in
                let model = server.name("gpt-model")
                let deployment = "\(model)-production"
                try await register(model, server)
                try await build(model, server)

                try await server.mcp("environment create --name production --type cpu --resources memory=1Gi")
                try await server.mcp("environment create --name production --type cpu", exits: 4)
                let deploy = "deploy --model \(model):1.0 --environment production --replicas 2 --format json"
                let first = try await server.mcp(deploy).json
                #expect(first["status"] == "running")
                #expect(first["ready_replicas"] == 2)
                #expect(first["memory_limit"] == "1Gi")
                let containers = try await server.containers().map(\.id)
                #expect(containers.count == 2)
                let again = try await server.mcp(deploy).json
                #expect(again == first, "a second deploy changes nothing")
                #expect(try await server.containers().map(\.id) == containers)

                let status = try await server.mcp("status --deployment \(deployment) --format json").json
                #expect(status["replica_details"]?.arrayValue?.map { $0["state"] } == ["ready", "ready"])
                try await chat(deployment, server)
                try await scale(deployment, server)
                try await readLogs(deployment, server)
                try await stopAndGo(deployment, server)

                try await server.mcp("model delete \(model) --yes", exits: 4)
                try await server.mcp("deployment delete \(deployment) --yes")
                #expect(try await server.containers().isEmpty)
                try await server.mcp("status --deployment \(deployment)", exits: 3)
                try await server.mcp("model delete \(model) --yes")
                #expect(try await server.mcp("model list --quiet").output.isEmpty)
            }
        }

        private func register(_ model: String, _ server: TestServer) async throws {
            let path = try "\(server.storage)/\(server.placeModel(model))"
            let register = "model register --name \(model) --path \(path) --version 1.0 --format json"
            let version = try await server.mcp(register).json
            #expect(version["file_count"] == 1)
            #expect(version["missing_files"] == 0)
            #expect(version["version"] == "1.0")
            let again = try await server.mcp(register).json
            #expect(again == version, "a second register changes nothing")
            #expect(try await server.mcp("version list --quiet").output == "\(model):1.0\n")
            let files = try FileManager.default.subpathsOfDirectory(atPath: server.storage).filter { $0.hasSuffix(".gguf") }
            #expect(files == ["\(model)/tiny.gguf"], "registered in place: nothing is copied")
        }

        private func build(_ model: String, _ server: TestServer) async throws {
            let result = try await server.mcp("build create --version \(model):1.0 --follow --format json")
            let build = try result.json
            #expect(build["status"] == "success")
            #expect(build["image_digest"]?.stringValue?.hasPrefix("sha256:") == true)
            #expect(result.errors.contains("Step "), "the log is shown as it comes")
            let id = try #require(build["id"]?.stringValue)
            #expect(try await server.mcp("logs --build \(id)").output.contains("COPY --chown=65534:65534 model/"))
        }

        private func chat(_ deployment: String, _ server: TestServer) async throws {
            let answer = try await server.mcp("chat --deployment \(deployment)", "Who are you?")
            #expect(answer.output == TestMachine.answer + "\n")
            let json = try await server.mcp("chat --deployment \(deployment) --format json", "Who are you?").json
            #expect(json["content"]?.stringValue == TestMachine.answer)
            #expect(json["finish_reason"] == "stop")
        }

        private func scale(_ deployment: String, _ server: TestServer) async throws {
            for replicas in [3, 1] {
                let scaled = try await server.mcp("scale --deployment \(deployment) --replicas \(replicas) --format json").json
                #expect(scaled["replicas"]?.intValue == replicas)
                #expect(scaled["ready_replicas"]?.intValue == replicas)
                #expect(try await server.containers().count == replicas)
            }
            try await server.mcp("scale --deployment \(deployment) --replicas -1", exits: 2)
            #expect(try await server.containers().count == 1)
        }

        private func readLogs(_ deployment: String, _ server: TestServer) async throws {
            let log = try await server.mcp("logs --deployment \(deployment) --tail 1000 --format json").json
            #expect(log["logs"]?.stringValue?.isEmpty == false)
            let operations = try await server.mcp("operation list --kind deploy --format json").json
            #expect(operations["items"]?.arrayValue?.allSatisfy { $0["state"] == "succeeded" } == true)
        }

        private func stopAndGo(_ deployment: String, _ server: TestServer) async throws {
            let endpoint = try await server.mcp("open --deployment \(deployment) --format json").json["url"]
            #expect(try await server.mcp("stop --deployment \(deployment) --format json").json["status"] == "stopped")
            #expect(try await server.containers().isEmpty)
            #expect(try await server.mcp("logs --deployment \(deployment)").output.isEmpty == false, "the log outlives its container")
            try await server.mcp("chat --deployment \(deployment)", "Hi", exits: 4)

            #expect(try await server.mcp("start --deployment \(deployment) --format json").json["ready_replicas"] == 1)
            let before = try await server.containers().map(\.id)
            #expect(try await server.mcp("restart --deployment \(deployment) --format json").json["ready_replicas"] == 1)
            let after = try await server.containers().map(\.id)
            #expect(Set(before).isDisjoint(with: after), "restart replaces the containers")
            #expect(try await server.mcp("open --deployment \(deployment) --format json").json["url"] == endpoint)
            try await chat(deployment, server)
        }

        @Test func `files outside the storage root are uploaded and checked`() async throws {
            try await TestServer.run { server in
                let model = server.name("uploaded")
                let register = "model register --name \(model) --path \(try TestMachine.modelFolder) --version 1.0"
                try await server.mcp(register)
                #expect(try await server.mcp(register).output.contains("already registered"))
                let files = try await server.mcp("version files \(model):1.0 --format json").json
                #expect(files.arrayValue?.map { $0["stored"] } == [true])
                let stored = try FileManager.default.subpathsOfDirectory(atPath: server.storage).filter { $0.hasSuffix("tiny.gguf") }
                let sent = try Data(contentsOf: URL(filePath: "\(TestMachine.modelFolder)/tiny.gguf"))
                #expect(try stored.map { try Data(contentsOf: URL(filePath: "\(server.storage)/\($0)")) } == [sent])

                let changed = "\(server.folder)/changed"
                try FileManager.default.createDirectory(atPath: changed, withIntermediateDirectories: true)
                try Data("other".utf8).write(to: URL(filePath: "\(changed)/tiny.gguf"))
                let refused = try await server.mcp("model register --name \(model) --path \(changed) --version 1.0", exits: 4)
                #expect(refused.errors.contains("other files"))
            }
        }

        @Test func `errors have an exit status and, for programs, a JSON object on standard error`() async throws {
            try await TestServer.run { server in
                try await server.mcp("--version")
                try await server.mcp("model show", exits: 2)
                let unknown = try await server.mcp("model show nothing --format json", exits: 3)
                #expect(unknown.output.isEmpty)
                #expect(try unknown.errorJSON["code"] == "model_not_found")
                #expect(try unknown.errorJSON["exit_code"] == 3)
                let wrongKey = try await server.mcp("model list --format json", key: "wrong.wrong-wrong", exits: 5)
                #expect(try wrongKey.errorJSON["code"] == "unauthenticated")
                try await server.stop()
                let away = try await server.mcp("model list", exits: 6)
                #expect(away.errors.contains("cannot connect"))
            }
        }
    }
}
