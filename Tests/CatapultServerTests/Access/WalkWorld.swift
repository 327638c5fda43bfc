import CatapultAPI
import Crypto
import Foundation
import SQLDatabase

@testable import CatapultServer

/// One model with one of everything that belongs to it.
struct WalkWorld: Sendable {
    /// What a field of a call may refer to.
    enum Kind: String, Sendable, CaseIterable {
        case model, version, alias, deployment, artifact, upload, build, operation, environment, dependency, auditRow, image
    }

    let model: String
    let environment: String
    /// Words that stand in the texts of these things and nowhere else.
    let words: String
    /// The spellings by which each is named: its id first.
    private(set) var names: [Kind: [String]] = [:]

    func id(_ kind: Kind) -> String { names[kind]?.first ?? "" }

    /// What no answer to somebody who does not see these things may have in it.
    var marks: [String] { [model, environment, words] + Kind.allCases.filter { $0 != .alias }.map(id) }

    static let file = "weights"
    static func digest(_ text: String) -> String {
        SHA256.hash(data: Array(text.utf8)).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// Registers it all.
    init(_ model: String, environment: String, words: String, on server: WholeServer) async throws {
        (self.model, self.environment, self.words) = (model, environment, words)
        func id(_ value: JSONValue, _ name: String = "id") -> String { value[name]?.stringValue ?? "" }
        let text = JSONValue.string(words)
        let modelID = id(
            try await server.made(
                .post, "/api/v1/models",
                ["name": .string(model), "storage_path": .string("models/\(model)"), "description": text, "tags": [text]]))
        names[.model] = [modelID, model]
        let version = try await server.made(
            .post, "/api/v1/versions",
            [
                "model_id": .string(modelID), "version": "1.0", "release_notes": text,
                "files": [
                    [
                        "path": "weights.bin", "size_bytes": .int(Int64((Self.file + words).utf8.count)),
                        "sha256": .string(Self.digest(Self.file + words)),
                    ]
                ],
            ])
        let versionID = id(version)
        names[.version] = [versionID, "\(model):1.0"]
        _ = try await server.made(.put, "/api/v1/versions/\(versionID)/files/weights.bin", bytes: Self.file + words)
        _ = try await server.made(.put, "/api/v1/models/\(modelID)/aliases/stable", ["version": "1.0", "reason": text])
        names[.alias] = ["stable"]
        names[.environment] = [
            id(
                try await server.made(
                    .post, "/api/v1/environments", ["name": .string(environment), "type": "cpu", "description": text])), environment,
        ]
        let deployment = try await server.made(
            .post, "/api/v1/deployments",
            ["release_id": .string(versionID), "environment": .string(environment), "metadata": ["note": text]])
        names[.deployment] = [id(deployment), id(deployment, "name")]
        names[.artifact] = [
            id(
                try await server.made(
                    .post, "/api/v1/artifacts/upload?name=\(words).whl&version_id=\(versionID)", bytes: "wheel of \(words)"))
        ]
        let upload: JSONValue = [
            "size_bytes": 5, "sha256": .string(Self.digest("12345\(words)")), "name": .string("\(words).bin"), "model_id": .string(modelID),
        ]
        names[.upload] = [id(try await server.made(.post, "/api/v1/uploads", upload))]
        names[.operation] = [id(try await server.made(.post, "/api/v1/artifacts/verify", ["version_id": .string(versionID)]))]
        names[.dependency] = [
            id(
                try await server.made(
                    .post, "/api/v1/versions/\(versionID)/dependencies",
                    ["kind": "dataset", "name": .string("\(words)-data"), "revision": "1"]))
        ]
        let image = "\(words)-image:1"
        names[.image] = [image]
        names[.build] = [try await Self.build(of: versionID, image, on: server)]
        let rows = try await server.made(.get, "/api/v1/audit-logs?resource_id=\(modelID)")
        names[.auditRow] = [id(rows[0] ?? .null)]
    }

    /// A build that waits for a worker.
    static func build(of versionID: String, _ image: String, on server: WholeServer) async throws -> String {
        let (id, operation) = (Identifier.make(), Identifier.make())
        let build = Build(
            id: id, versionID: versionID, imageTag: image, imageDigest: nil, buildType: "organic", template: nil,
            dockerfileContent: "FROM scratch", buildArgs: [:], status: .pending, serverType: nil, errorMessage: nil, operationID: operation,
            supersededAt: nil, createdAt: .now, completedAt: nil)
        try await server.database.write { connection in
            try BuildStore.insert(build, noCache: false, in: connection)
            try OperationStore.insert(
                id: operation, kind: .build, subject: .build, subjectID: id, message: "waiting", parentID: nil, createdBy: "admin",
                in: connection)
        }
        return id
    }
}
