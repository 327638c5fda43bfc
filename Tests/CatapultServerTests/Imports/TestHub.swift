import CatapultAPI
import Crypto
import Foundation
import NIOConcurrencyHelpers

@testable import CatapultServer

/// A hub that holds one repository, and misbehaves as told. It answers as the public one does: a listing by revision, files by redirects to
/// another host with the digest in `X-Linked-Etag`, ranges, and error codes in `X-Error-Code`.
final class TestHub: Sendable {
    static let commit = "0123456789abcdef0123456789abcdef01234567"

    struct Behaviour: Sendable {
        var token: String?
        /// Statuses to answer before anything else, in turn.
        var refusals: [(status: Int, headers: [String: String])] = []
        /// The connection is cut after so many bytes of a file, so many times.
        var cuts = 0
        var cutAfter = 0
        /// So many answers bring other bytes than listed.
        var wrongAnswers = 0
        var ignoresRanges = false
        /// How much larger the listing says that large files are.
        var listedExcess = 0
        /// Where large files are redirected to; by default to this host.
        var content: String?
    }

    let files: [String: [UInt8]]
    private let digests: [String: String]
    private let large: Set<String>
    private let behaviour: Behaviour
    private let state: NIOLockedValueBox<Behaviour>

    convenience init(_ files: [String: [UInt8]], large: Set<String>, _ behaviour: Behaviour = Behaviour()) {
        self.init(files, digests: files.mapValues(Self.sha256), large: large, behaviour)
    }

    private init(_ files: [String: [UInt8]], digests: [String: String], large: Set<String>, _ behaviour: Behaviour) {
        self.files = files
        self.digests = digests
        self.large = large
        self.behaviour = behaviour
        state = NIOLockedValueBox(behaviour)
    }

    /// The same hub as it was before anybody asked it.
    var fresh: TestHub { TestHub(files, digests: digests, large: large, behaviour) }

    static func sha256(_ bytes: [UInt8]) -> String { SHA256.hash(data: bytes).hexadecimal }

    static func gitID(_ bytes: [UInt8]) -> String { Insecure.SHA1.hash(data: Array("blob \(bytes.count)\0".utf8) + bytes).hexadecimal }

    private var listing: String {
        let siblings = files.sorted { $0.key < $1.key }.map { path, bytes in
            large.contains(path)
                ? #"{"rfilename":"\#(path)","blobId":"\#(Self.commit)","size":\#(bytes.count),"lfs":{"sha256":"\#(digests[path] ?? "")","size":\#(bytes.count + behaviour.listedExcess),"pointerSize":134}}"#
                : #"{"rfilename":"\#(path)","blobId":"\#(Self.gitID(bytes))","size":\#(bytes.count)}"#
        }
        return
            #"{"id":"acme/tiny","sha":"\#(Self.commit)","gated":false,"private":false,"tags":["x"],"cardData":{"license":"apache-2.0"},"siblings":[\#(siblings.joined(separator: ","))]}"#
    }

    func answer(_ asked: TestSite.Asked) -> TestSite.Reply {
        if let refusal = state.withLockedValue({ $0.refusals.isEmpty ? nil : $0.refusals.removeFirst() }) {
            return .text("{}", status: refusal.status, headers: refusal.headers)
        }
        let behaviour = state.withLockedValue { $0 }
        let isHome = !asked.path.hasPrefix("/cdn/")
        if isHome, let token = behaviour.token, asked.headers[.authorization] != "Bearer \(token)" {
            return .text("{}", status: 401, headers: ["X-Error-Code": "GatedRepo"])
        }
        if asked.path.hasPrefix("/api/models/") {
            guard asked.path.hasPrefix("/api/models/acme/tiny/revision/") else {
                return .text("{}", status: 404, headers: ["X-Error-Code": "RepoNotFound"])
            }
            guard asked.path.hasSuffix("/main") || asked.path.hasSuffix("/\(Self.commit)") else {
                return .text("{}", status: 404, headers: ["X-Error-Code": "RevisionNotFound"])
            }
            return .text(listing)
        }
        let prefix = "/acme/tiny/resolve/\(Self.commit)/"
        if asked.path.hasPrefix(prefix) {
            let path = String(asked.path.dropFirst(prefix.count))
            guard let bytes = files[path] else { return .text("", status: 404, headers: ["X-Error-Code": "EntryNotFound"]) }
            guard large.contains(path) else { return file(bytes, asked, behaviour) }
            // As the public hub: another host, by a relative or an absolute address.
            return .text(
                "", status: 302,
                headers: ["Location": "\(behaviour.content ?? "")/cdn/\(path)?signed=1", "X-Linked-Etag": "\"\(digests[path] ?? "")\""])
        }
        guard asked.path.hasPrefix("/cdn/"), let bytes = files[String(asked.path.dropFirst(5))] else { return .text("", status: 404) }
        return file(bytes, asked, behaviour)
    }

    private func file(_ bytes: [UInt8], _ asked: TestSite.Asked, _ behaviour: Behaviour) -> TestSite.Reply {
        var content = bytes[...]
        var status = 200
        var headers: [String: String] = [:]
        if !behaviour.ignoresRanges,
            let range = asked.headers[.range]?.dropFirst("bytes=".count).split(separator: "-").compactMap({ Int($0) }),
            range.count == 2
        {
            let end = min(range[1], bytes.count - 1)
            content = bytes[range[0]...end]
            status = 206
            headers["Content-Range"] = "bytes \(range[0])-\(end)/\(bytes.count)"
        }
        var reply = TestSite.Reply(status: status, headers: headers, body: Array(content))
        let isWrong = state.withLockedValue { state in
            guard state.wrongAnswers > 0 else { return false }
            state.wrongAnswers -= 1
            return true
        }
        if isWrong, !reply.body.isEmpty { reply.body[0] ^= 1 }
        let isCut = state.withLockedValue { state in
            guard state.cuts > 0, content.count > state.cutAfter else { return false }
            state.cuts -= 1
            return true
        }
        if isCut { reply.cutAfter = behaviour.cutAfter }
        return reply
    }
}

/// A small model as it lies on a hub.
enum SampleModel {
    static let config = Array(
        #"{"model_type":"llama","architectures":["LlamaForCausalLM"],"hidden_size":64,"num_hidden_layers":2,"num_attention_heads":4,"max_position_embeddings":2048}"#
            .utf8)
    static let card = Array("---\nlicense: apache-2.0\nbase_model: acme/base\ntags: [sample]\n---\nA tiny model.\n".utf8)

    /// A safetensors file of so many numbers in two bytes each.
    static func weights(numbers: Int, seed: UInt8 = 1) -> [UInt8] {
        let header = #"{"w":{"dtype":"BF16","shape":[\#(numbers)],"data_offsets":[0,\#(numbers * 2)]}}"#
        var bytes = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) } + Array(header.utf8)
        let size = bytes.count + numbers * 2
        bytes.reserveCapacity(size)
        // No two blocks are alike, so that a part in the wrong place is noticed.
        let block = (0..<4_096).map { UInt8(truncatingIfNeeded: $0 &* 31) &+ seed }
        while bytes.count < size {
            withUnsafeBytes(of: bytes.count) { bytes.append(contentsOf: $0.prefix(size - bytes.count)) }
            bytes.append(contentsOf: block.prefix(size - bytes.count))
        }
        return bytes
    }

    static func files(numbers: Int = 1_000_000) -> [String: [UInt8]] {
        [
            "config.json": config, "README.md": card, "model.safetensors": weights(numbers: numbers), "empty.txt": [],
            "pytorch_model.bin": Array("another copy".utf8), "sub/notes.txt": Array("notes".utf8),
        ]
    }
}
