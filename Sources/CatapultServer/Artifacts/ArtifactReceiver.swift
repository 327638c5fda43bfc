import CatapultAPI
import NIOCore
import SQLDatabase

/// Receives artifacts: a form with a file, or the bytes alone.
struct ArtifactReceiver: Sendable {
    /// Most bytes of a field of a form.
    private static let longestField = 64 << 10
    /// What a form may add around its file.
    private static let formOverhead: Int64 = 1 << 20

    let database: Database
    let blobs: BlobStore
    let limits: UploadLimits

    func receive(_ fields: FormFields<UploadArtifact>, _ body: IncomingBytes, _ context: CallContext) async throws -> Artifact {
        let boundary = Self.boundary(body.contentType)
        if let length = body.contentLength { try await limits.check(size: boundary == nil ? length : max(0, length - Self.formOverhead)) }
        return try await BlobStore.mappingProblems(doing: "storing an artifact") {
            guard let boundary else { return try await receiveAlone(fields, body, context) }
            return try await blobs.staging { staged in
                let (fields, filename) = try await readForm(boundary, fields, body, into: staged)
                let call = try fields.decoded()
                let draft = try Self.draft(call, filename: filename)
                let owner = try await database.read { try draft.owner(for: context.scope, in: $0) }
                return try await publish(staged, call, draft, owner, context)
            }
        }
    }

    /// Takes the bytes alone. Everything is known already, so everything that can be refused is refused before they come.
    private func receiveAlone(
        _ fields: FormFields<UploadArtifact>, _ body: IncomingBytes, _ context: CallContext
    ) async throws -> Artifact {
        let call = try fields.decoded()
        let draft = try Self.draft(call, filename: nil)
        let owner = try await database.read { try draft.owner(for: context.scope, in: $0) }
        return try await blobs.staging { staged in
            try await staged.receive(body, limit: limits.limit, tooLong: { [limits] in .tooLarge(limit: limits.limit) })
            if let length = body.contentLength, staged.size != length { throw Self.cutOff }
            return try await publish(staged, call, draft, owner, context)
        }
    }

    private func publish(
        _ staged: StagedFile, _ call: UploadArtifact, _ draft: ArtifactDraft, _ owner: ArtifactDraft.Owner, _ context: CallContext
    ) async throws -> Artifact {
        if let expected = call.checksum, expected != staged.sha256 {
            throw CatapultError.invalid(
                "ChecksumMismatchError", field: "checksum",
                "The bytes that arrived have the SHA-256 \(staged.sha256), and not \(expected).", hint: "Send the file again.")
        }
        return try await blobs.publish(staged) { blob, connection in
            try draft.insert(owner: owner, path: "", blob, context, in: connection)
        }
    }

    private static func draft(_ call: UploadArtifact, filename: String?) throws -> ArtifactDraft {
        let version = call.releaseID ?? call.versionID
        if let version, !Identifier.isUUID(version), !version.contains(":") {
            throw CatapultError.invalid(
                field: "release_id", "release_id must be the UUID of a version, or model:version, but is '\(version.prefix(100))'.",
                hint: "List versions with `mcp version list`.")
        }
        return try ArtifactDraft(
            name: ArtifactService.required(call.name ?? call.filename ?? filename.flatMap { $0.isEmpty ? nil : $0 }, ["name", "filename"]),
            artifactType: call.artifactType, platform: call.platform, pythonVersion: call.pythonVersion, version: version,
            model: call.modelID)
    }

    /// Reads a form: its fields, and its file into `staged`.
    private func readForm(
        _ boundary: String, _ fields: FormFields<UploadArtifact>, _ body: IncomingBytes, into staged: StagedFile
    ) async throws -> (FormFields<UploadArtifact>, filename: String?) {
        var form = try FormReader(boundary: boundary, fields: fields, longestField: Self.longestField)
        var batches = BatchWriter { batch in try await HashingPool.foreground.run { try staged.append(batch) } }
        var size: Int64 = 0
        do {
            for try await buffer in body {
                for content in try form.read(buffer) {
                    size += Int64(content.readableBytes)
                    guard size <= limits.limit else { throw CatapultError.tooLarge(limit: limits.limit) }
                    try await batches.add(content)
                }
            }
            try await batches.finish()
        } catch {
            await batches.abandon()
            throw error
        }
        guard form.isOver else { throw Self.cutOff }
        guard form.hasFile else {
            throw CatapultError.unprocessable([
                FieldProblem(kind: .missing, location: ["file"], message: "is required: the form has no part of this name")
            ])
        }
        return (form.fields, form.filename)
    }

    private static let cutOff = CatapultError.invalid(
        field: "body", "The body ended before its end was reached.", hint: "Send it again; POST /api/v1/uploads can go on where it broke.")

    /// The boundary of a form; nil where the body is no form.
    private static func boundary(_ contentType: String?) -> String? {
        guard let contentType, contentType.lowercased().hasPrefix("multipart/form-data") else { return nil }
        for parameter in contentType.split(separator: ";").dropFirst() {
            let parts = parameter.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, parts[0].filter({ $0 != " " }).lowercased() == "boundary" else { continue }
            return parts[1].trimmingPrefix(while: { $0 == " " }).filter { $0 != "\"" }
        }
        return ""
    }
}

/// Takes a form apart as it arrives: fields are gathered, the bytes of the file handed on.
struct FormReader: Sendable {
    private(set) var fields: FormFields<UploadArtifact>
    private(set) var filename: String?
    private(set) var hasFile = false
    private var parser: MultipartParser
    private var field: (name: String, bytes: [UInt8])?
    private let longestField: Int

    init(boundary: String, fields: FormFields<UploadArtifact>, longestField: Int) throws {
        do {
            parser = try MultipartParser(boundary: boundary)
        } catch {
            throw Self.refused(error)
        }
        self.fields = fields
        self.longestField = longestField
    }

    /// Whether the closing delimiter was seen.
    var isOver: Bool { parser.isOver }

    /// Takes the next bytes of the form, and gives those of the file among them.
    mutating func read(_ buffer: ByteBuffer) throws -> [ByteBuffer] {
        var content: [ByteBuffer] = []
        var parser = parser
        do {
            try parser.feed(buffer.readableBytesView) { event in
                switch event {
                case .part(name: "file", let name):
                    guard !hasFile else { throw MultipartParser.Failure(reason: "has two parts called file") }
                    hasFile = true
                    filename = name
                case .part(let name, _): field = (name, [])
                case .data(let bytes):
                    guard field != nil else {
                        content.append(ByteBuffer(bytes: bytes))
                        return
                    }
                    field?.bytes.append(contentsOf: bytes)
                    guard (field?.bytes.count ?? 0) <= longestField else {
                        throw MultipartParser.Failure(reason: "has a field with more than \(longestField) bytes")
                    }
                case .partEnd:
                    if let field {
                        guard let text = String(validating: field.bytes, as: UTF8.self) else {
                            throw MultipartParser.Failure(reason: "has the field \(field.name), which is not UTF-8")
                        }
                        fields.add(field.name, text)
                    }
                    field = nil
                case .end: break
                }
            }
        } catch let failure as MultipartParser.Failure {
            throw Self.refused(failure)
        }
        self.parser = parser
        return content
    }

    private static func refused(_ failure: MultipartParser.Failure) -> CatapultError {
        .invalid(
            field: "body", "The form \(failure.reason).", hint: "Send multipart/form-data by RFC 7578, with the file in a part called file."
        )
    }
}
