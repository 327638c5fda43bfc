import CatapultAPI
import HTTPTypes
import Testing

@testable import CatapultServer

/// Every call with a key that sees one half of the registry: what lies in the other half is neither found, nor listed, nor changed.
///
/// The calls and their fields come from the catalogue. A field that is new must be said here to refer to something, or not.
@Suite struct ScopeWalkTests {
    private typealias Kind = WalkWorld.Kind

    /// Fields that refer to things, and to what.
    private static let references: [String: Kind] = [
        "model_id": .model, "image_id": .model, "model_name": .model, "image_name": .model, "version_id": .version,
        "release_id": .version, "a": .version, "b": .version, "target": .version, "successor": .version, "replacement": .version,
        "deployment_id": .deployment, "artifact_id": .artifact, "upload_id": .upload, "build_id": .build, "docker_build_id": .build,
        "operation_id": .operation, "subject_id": .model, "resource_id": .model, "dependency_id": .dependency, "audit_id": .auditRow,
        "environment": .environment, "image": .image, "image_tag": .image,
    ]

    /// Fields that refer to nothing within a scope. Paths have tests of their own, and so has what a key may make.
    private static let others: Set<String> = [
        "action", "after", "alias", "allow_empty", "api_key_name", "architecture", "artifact_ids", "artifact_type", "auto_build",
        "base_model", "before",
        "build_args", "build_config", "build_if_missing", "build_type", "bytes_per_second", "ceph_path", "checksum", "checksum_type",
        "cluster", "command", "company", "cpu_limit", "cursor", "dependencies", "deployment_type", "depth", "description", "digest",
        "direction", "dockerfile_content", "dry_run", "endpoint_url", "environment_vars", "exclude", "expected_version", "expires_at",
        "file_path", "filename", "files", "force", "gpu", "gpu_count", "gpu_enabled", "grace_hours", "include", "include_orphaned",
        "is_active", "is_release", "k8s_namespace", "kind", "limit", "memory_limit", "message", "metadata", "mlflow_url", "mounts", "name",
        "no_cache", "note", "offset", "older_than_hours", "os", "outcome", "owner", "page", "parameter_count", "path", "platform", "prefix",
        "purl", "python_version", "q", "quantization", "rate_limit", "reason", "release_notes", "replicas", "repository", "requires_gpu",
        "resource_type", "resources", "restore_previous", "retention_hours", "retires_at", "revision", "role", "scope", "search",
        "server_type", "sha256", "since", "size", "size_bytes", "skip", "source", "stage", "state", "status", "storage_path", "tag", "tags",
        "tail", "type", "types", "until", "url", "version", "volume_mounts", "wait", "expect", "key_id", "overlap_seconds", "source_id",
    ]

    /// Values of fields that a call needs besides those that refer to something.
    private static let samples: [String: JSONValue] = [
        "name": "new-thing", "artifact_type": "wheel", "size_bytes": 3, "checksum": "abc", "kind": "base_model", "offset": 0,
        "sha256": .string(String(repeating: "a", count: 64)), "replicas": 1, "q": "zz", "type": "llama-cpp", "image": "none:1",
        "alias": "stable", "path": "weights.bin", "version": "1.0", "source": "gguf", "storage_path": "models/team/inside",
        "file_path": "models/team/inside/weights.bin", "filename": "new-thing", "expected_version": "1.0",
    ]

    /// What some calls need though their declaration cannot say so.
    private static let extra: [String: [String: JSONValue]] = [
        "createUpload": ["name": "new.bin"], "createVersion": ["version": "9.0"], "uploadArtifact": ["name": "new.whl"],
        "createArtifact": ["size_bytes": 12, "checksum": .string(WalkWorld.digest("weightsplain"))],
    ]

    /// Calls that show ids of what lies outside on purpose: edges of a graph lead through versions that have no name for the caller.
    private static let showsIDs: Set<String> = [
        "getLineage", "listDependencies", "compareVersions", "addDependency", "deleteDependency",
    ]

    private static func marks(of hidden: WalkWorld, in call: any APICall.Type) -> [String] {
        showsIDs.contains(call.name) ? [hidden.model, hidden.words] : hidden.marks
    }

    private struct Field {
        var name: String
        var isInBody: Bool
        var isInPath: Bool
        var isRequired: Bool
    }

    private static func fields(_ call: any APICall.Type) -> (all: [Field], alternatives: [[String]]) {
        let description = CallDescription(call, inputs: SchemaReflector(.input), outputs: SchemaReflector(.output))
        let all =
            description.path.map { Field(name: $0.name, isInBody: false, isInPath: true, isRequired: true) }
            + description.query.map { Field(name: $0.name, isInBody: false, isInPath: false, isRequired: $0.isRequired) }
            + description.body.map { Field(name: $0.name, isInBody: true, isInPath: false, isRequired: $0.isRequired) }
        return (all, description.alternatives)
    }

    /// A request that names a thing in one field, and in all others that it needs things inside of the scope.
    private static func request(
        _ call: any APICall.Type, _ given: (field: String, value: String)?, inside: WalkWorld
    ) -> WholeServer.Request {
        let (all, alternatives) = fields(call)
        var needed = Set(all.filter(\.isRequired).map(\.name))
        let known = extra[call.name] ?? [:]
        for group in alternatives where !group.contains(where: { $0 == given?.field || known[$0] != nil }) { needed.insert(group[0]) }
        var request = WholeServer.Request()
        var body: [String: JSONValue] = [:]
        func put(_ field: Field, _ value: JSONValue) {
            if field.isInBody {
                body[field.name] = value
            } else if field.isInPath {
                request.path[field.name] = value.stringValue ?? value.jsonText
            } else {
                request.query[field.name] = value.stringValue ?? value.jsonText
            }
        }
        for field in all {
            if field.name == given?.field {
                put(field, .string(given?.value ?? ""))
            } else if let value = known[field.name] {
                put(field, value)
            } else if needed.contains(field.name) {
                let value = references[field.name].map { kind in
                    // Environments and models are made by name.
                    JSONValue.string(field.name == "environment" ? inside.environment : inside.id(kind))
                }
                put(field, field.name == "image" ? samples["image"] ?? .null : value ?? samples[field.name] ?? .null)
            }
        }
        if call.hasBody { request.body = .object(body) }
        if call.requestBody != .json { request.bytes = "abc" }
        return request
    }

    private func world(_ server: WholeServer) async throws -> (inside: WalkWorld, hidden: WalkWorld, key: String) {
        let inside = try await WalkWorld("team/inside", environment: "staging", words: "plain", on: server)
        let hidden = try await WalkWorld("zz-hidden/model", environment: "zz-hidden-place", words: "zz-secret", on: server)
        // Edges across the border, both ways.
        for (from, to) in [(inside, hidden.id(.artifact)), (hidden, inside.id(.artifact))] {
            _ = try await server.made(
                .post, "/api/v1/versions/\(from.id(.version))/dependencies", ["kind": "package", "artifact_id": .string(to)])
        }
        _ = try await server.made(
            .post, "/api/v1/versions/\(inside.id(.version))/dependencies",
            ["kind": "base_model", "target": .string(hidden.id(.version))])
        let scope: JSONValue = ["models": ["team/*"], "environments": ["staging"]]
        let made = try await server.made(.post, "/api/v1/api-keys", ["name": "limited", "role": "admin", "scope": scope])
        return (inside, hidden, made["key"]?.stringValue ?? "")
    }

    /// The rows of things outside.
    private func rows(of hidden: WalkWorld, on server: WholeServer) async throws -> [String: [String]] {
        try await server.contents(except: ["audit_logs", "api_keys", "search_postings", "search_documents"]).mapValues { rows in
            rows.filter { row in hidden.marks.contains { row.contains($0) } }
        }
    }

    @Test func everyFieldIsKnown() {
        for call in Catalogue.calls {
            for field in Self.fields(call).all {
                let isKnown = Self.references[field.name] != nil || Self.others.contains(field.name)
                #expect(isKnown, "say in this test whether \(call.name).\(field.name) refers to something within a key's scope")
            }
        }
    }

    @Test func whatLiesOutsideIsNeitherFoundNorChanged() async throws {
        try await WholeServer.with { server in
            let (inside, hidden, key) = try await world(server)
            let before = try await rows(of: hidden, on: server)
            let engineIsAway = try await server.made(.get, "/api/health")["components"]?["engine"] != "healthy"
            var asked = 0
            for call in Catalogue.calls where call.access != .open && !call.needsWholeScope {
                for field in Self.fields(call).all {
                    guard let kind = Self.references[field.name] else { continue }
                    // To make an environment outside is a test of its own; here it is named.
                    for value in hidden.names[kind] ?? [] {
                        let answer = try await server.send(
                            call, Self.request(call, (field.name, value), inside: inside), key: key)
                        asked += 1
                        let what = "\(call.name) with \(field.name) = \(value): \(answer.status) \(answer.text.prefix(300))"
                        if call.effect != .read {
                            let isRefused =
                                [403, 404].contains(answer.status) || (engineIsAway && answer.status == 503)
                                || (call.name == "createBuild" && field.name == "artifact_id" && answer.status == 400)
                            #expect(isRefused, "\(what)")
                        } else {
                            #expect(answer.status < 500, "\(what)")
                        }
                        let text = answer.text.replacing(value, with: "")
                        let marks = Self.marks(of: hidden, in: call).filter { !value.contains($0) }
                        for mark in marks where text.contains(mark) {
                            Issue.record("\(mark) is in the answer: \(what)")
                        }
                    }
                }
            }
            #expect(asked > 150)
            #expect(try await rows(of: hidden, on: server) == before)
        }
    }

    @Test func whatIsListedLiesInside() async throws {
        try await WholeServer.with { server in
            let (inside, hidden, key) = try await world(server)
            for call in Catalogue.calls where call.effect == .read && call.access != .open && !call.needsWholeScope {
                // Those that follow something to its end would not come back.
                guard call.responseBody == .json || call.responseBody == .bytes else { continue }
                let request = Self.request(call, nil, inside: inside)
                let answer = try await server.send(call, request, key: key)
                for mark in Self.marks(of: hidden, in: call) where answer.text.contains(mark) {
                    Issue.record("\(mark) is in the answer to \(call.name): \(answer.text.prefix(300))")
                }
                // So that the test can fail: the thing is there, and who sees everything is shown it.
                if call.name.hasPrefix("list"), call.name != "listTemplates", Self.fields(call).all.allSatisfy({ !$0.isRequired }) {
                    let all = try await server.send(call, request)
                    #expect(hidden.marks.contains { all.text.contains($0) }, "\(call.name): \(all.text.prefix(300))")
                }
            }
        }
    }

    @Test func theThingsOfThisWalkAreThere() async throws {
        try await WholeServer.with { server in
            let (inside, hidden, _) = try await world(server)
            for read in Self.readsByPath {
                for value in hidden.names[read.kind] ?? [] {
                    let answer = try await server.send(read.call, Self.request(read.call, (read.field, value), inside: inside))
                    // Nothing was fetched from an MLflow server, and on PostgreSQL no server leads here, which has the logs.
                    let isThere = answer.isSuccess || answer.status == 421 || read.call.name == "getMLflowMetadata"
                    #expect(isThere, "\(read.call.name) with \(value): \(answer.status)")
                }
            }
        }
    }

    /// The reads whose path names something of which the walk makes one.
    private static var readsByPath: [(call: any APICall.Type, field: String, kind: Kind)] {
        Catalogue.calls.filter { $0.effect == .read && $0.responseBody == .json && !$0.needsWholeScope }.flatMap { call in
            fields(call).all.filter(\.isInPath).compactMap { field in
                references[field.name].flatMap { $0 == .dependency ? nil : (call, field.name, $0) }
            }
        }
    }

    @Test func foldersOfOtherModelsCannotBeNamed() async throws {
        try await WholeServer.with { server in
            let (inside, hidden, key) = try await world(server)
            let model = inside.id(.model)
            _ = try await server.made(.post, "/api/v1/models", ["name": "other/nested", "storage_path": "models/team/inside/nested"])
            let folder = "models/\(hidden.model)"
            let requests: [(String, HTTPRequest.Method, JSONValue)] = [
                ("models", .post, ["name": "team/new", "storage_path": .string(folder)]),
                ("models", .post, ["name": "team/new", "storage_path": "models"]),
                ("models", .post, ["name": "team/new", "storage_path": "."]),
                ("models/\(model)", .put, ["storage_path": .string(folder)]),
                ("versions", .post, ["model_id": .string(model), "version": "2", "ceph_path": .string(folder)]),
                ("versions/\(inside.id(.version))", .put, ["ceph_path": .string(folder)]),
                ("models/import", .post, ["source": "gguf", "name": "team/new", "path": .string("\(folder)/weights.gguf")]),
                ("artifacts/register", .post, ["file_path": .string("\(folder)/weights.bin"), "model_id": .string(model)]),
                (
                    "models/\(model)/preprocess", .post,
                    ["image": "none:1", "mounts": [folder: "/other"]]
                ),
                (
                    "deployments/execute", .post,
                    ["release_id": .string(inside.id(.version)), "environment": "staging", "volume_mounts": [folder: "/other"]]
                ),
            ]
            for (path, method, body) in requests {
                let answer = try await server.send(method, "/api/v1/\(path)", body.jsonText, key: key)
                #expect([400, 403].contains(answer.status), "\(path): \(answer.status) \(answer.text)")
            }
            for (path, method, body) in requests {
                let all = try await server.send(method, "/api/v1/\(path)", body.jsonText)
                #expect(all.status != 403, "\(path) by who sees everything: \(all.text)")
            }
            let own = try await server.send(
                .post, "/api/v1/models", #"{"name":"team/own","storage_path":"/fsx/models/team/own/v1"}"#, key: key)
            #expect(own.status == 201, "\(own.text)")
        }
    }

    @Test func aModelThatIsNamedWithinAnotherKeepsItsFolder() async throws {
        try await WholeServer.with { server in
            _ = try await server.made(.post, "/api/v1/models", ["name": "team/a/secret", "storage_path": "models/team/a/secret"])
            let key = try await server.made(
                .post, "/api/v1/api-keys", ["name": "k", "role": "operator", "scope": ["models": ["team/a", "team/b"]]])["key"]?.stringValue
            func make(_ name: String) async throws -> Int {
                try await server.send(
                    .post, "/api/v1/models", #"{"name":"\#(name)","storage_path":"models/\#(name)"}"#, key: key
                ).status
            }
            #expect(try await make("team/a") == 403)
            #expect(try await make("team/b") == 201)
        }
    }
}
