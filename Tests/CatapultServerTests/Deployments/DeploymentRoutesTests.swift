import AsyncHTTPClient
import CatapultAPI
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import Testing

@testable import CatapultServer

@Suite("Routes of deployments") struct DeploymentRoutesTests {
    /// Requests by an admin against a server without a controller.
    private func with(_ body: @Sendable (any TestClientProtocol, HTTPFields, LabServer) async throws -> Void) async throws {
        try await DeploymentLab.with { lab in
            guard case .created(let key) = try await AdminKey.ensure(given: nil, dataDirectory: lab.directory, database: lab.database)
            else {
                throw WaitedInVain()
            }
            try await lab.server(controlling: false) { server in
                let router = Router(context: HTTPContext.self)
                router.add(middleware: RequestMiddleware())
                let routes = CallRoutes(
                    router: router, gate: RequestGate(authenticator: Authenticator(database: lab.database)),
                    audit: AuditLog(database: lab.database), maximumBodySize: 64 << 10)
                DeploymentRoutes.register(routes, deployments: server.service)
                #expect(routes.handled.count == 13)
                try await Application(router: router).test(.live) { client in try await body(client, [.apiKey: key], server) }
            }
        }
    }

    private static func json(_ response: TestResponse) -> JSONValue {
        (try? JSONParser.parse(Array(buffer: response.body))) ?? .null
    }

    @Test func `bad input is told with status and field`() async throws {
        try await with { client, headers, server in
            let version = server.lab.version.id
            let cases: [(String, Int, String)] = [
                (#"{"release_id": "\#(version)", "environment": "e", "replicas": -1}"#, 422, "replicas"),
                (#"{"release_id": "\#(version)", "environment": "a b"}"#, 422, "environment"),
                (#"{"release_id": "\#(version)", "environment": "e", "image_tag": "No Tag"}"#, 422, "image_tag"),
                (#"{"release_id": "\#(version)", "environment": "e", "memory_limit": "much"}"#, 422, "memory_limit"),
                (#"{"environment": "e"}"#, 422, "release_id"),
                (#"{"release_id": "\#(version)", "environment": "e", "gpu_enabled": true}"#, 409, "resources.gpu"),
            ]
            for (body, status, field) in cases {
                let response = try await client.executeRequest(
                    uri: "/api/v1/deployments/execute", method: .post, headers: headers, body: ByteBuffer(string: body))
                #expect(response.status.code == status, "\(body)")
                #expect(Self.json(response)["field"]?.stringValue == field, "\(body)")
                #expect(Self.json(response)["detail"] != nil)
            }
            let cut = try await client.executeRequest(
                uri: "/api/v1/deployments/execute", method: .post, headers: headers, body: ByteBuffer(string: #"{"release_id": "#))
            #expect(cut.status.code == 422)
            let unknown = try await client.executeRequest(uri: "/api/v1/deployments/none", method: .get, headers: headers, body: nil)
            #expect(unknown.status.code == 404)
            #expect(Self.json(unknown)["error_type"] == "DeploymentNotFoundError")
            let nobody = try await client.executeRequest(uri: "/api/v1/deployments", method: .get, headers: [:], body: nil)
            #expect(nobody.status.code == 401)
        }
    }

    @Test func `a deploy is answered with 201 and found by its name`() async throws {
        try await with { client, headers, server in
            let body = #"{"release_id": "\#(server.lab.version.modelName):1.0", "environment": "e", "name": "mine"}"#
            let made = try await client.executeRequest(
                uri: "/api/v1/deployments/execute", method: .post, headers: headers, body: ByteBuffer(string: body))
            #expect(made.status == .created)
            let found = try await client.executeRequest(uri: "/api/v1/deployments/mine/status", method: .get, headers: headers, body: nil)
            #expect(Self.json(found)["status"] == "deploying")
            #expect(Self.json(found)["running"] == false)
        }
    }

    @Test func `the log is streamed as events until the deployment is gone`() async throws {
        try await with { client, headers, server in
            let deployment = try await server.execute { $0.name = "mine" }
            func append(_ text: String) {
                server.logs.append(
                    ReplicaLogLine(time: Timestamp(microseconds: 0), number: 0, replicaID: "0000-aaaabbbb", text: text), to: deployment.id)
            }
            append("first")
            var request = HTTPClientRequest(url: "http://127.0.0.1:\(try #require(client.port))/api/v1/deployments/mine/logs/stream")
            request.headers.add(name: "X-API-Key", value: headers[.apiKey] ?? "")
            let response = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
            #expect(response.headers.first(name: "Content-Type") == "text/event-stream")
            var text = ""
            for try await chunk in response.body {
                let isFirst = text.isEmpty
                text += String(buffer: chunk)
                guard isFirst else { continue }
                append("second")
                try await server.lab.database.write { try DeploymentStore.delete(deployment.id, in: $0) }
                server.logs.wakeReaders(of: deployment.id)
            }
            #expect(text == "data: 1970-01-01T00:00:00.000000Z first\n\ndata: 1970-01-01T00:00:00.000000Z second\n\n")
        }
    }
}
