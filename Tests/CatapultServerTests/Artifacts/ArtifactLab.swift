import CatapultAPI
import Foundation
import HTTPTypes
import HummingbirdTesting
import NIOCore
import NIOPosix
import SQLDatabase
import Testing

@testable import CatapultServer

/// An answer with its bytes.
struct RawAnswer: Sendable {
    let status: Int
    let headers: HTTPFields
    let bytes: [UInt8]

    var json: JSONValue { (try? JSONParser.parse(bytes)) ?? .null }

    func decoded<T: Decodable>(_ type: T.Type = T.self) throws -> T { try WireDecoder.decode(type, from: JSONParser.parse(bytes)) }
}

extension HTTPProbe {
    /// Sends bytes, and takes bytes.
    func raw(
        _ method: HTTPRequest.Method, _ path: String, _ body: [UInt8]? = nil, headers: HTTPFields = [:]
    ) async throws -> RawAnswer {
        var headers = headers
        if let key { headers[.apiKey] = key }
        let response = try await client.executeRequest(
            uri: path, method: method, headers: headers, body: body.map { ByteBuffer(bytes: $0) })
        return RawAnswer(status: response.status.code, headers: response.headers, bytes: Array(buffer: response.body))
    }

    /// Stores an artifact by its bytes alone.
    func store(_ sample: Sample, _ name: String, _ query: String = "") async throws -> RawAnswer {
        try await raw(
            .post, "/api/v1/artifacts/upload?name=\(name)\(query)", sample.bytes, headers: [.contentType: "application/octet-stream"])
    }

    /// Begins an upload in pieces of an artifact.
    func begin(_ sample: Sample, _ name: String) async throws -> Upload {
        let answer = try await raw(
            .post, "/api/v1/uploads", Array(#"{"size_bytes": \#(sample.size), "sha256": "\#(sample.sha256)", "name": "\#(name)"}"#.utf8))
        #expect(answer.status == 201)
        return try answer.decoded()
    }

    /// Sends the bytes of a range as the next piece.
    func write(_ sample: Sample, _ range: Range<Int>, to upload: Upload) async throws -> RawAnswer {
        try await raw(.put, "/api/v1/uploads/\(upload.id)/content?offset=\(range.lowerBound)", Array(sample.bytes[range]))
    }

    func complete(_ upload: Upload) async throws -> RawAnswer { try await raw(.post, "/api/v1/uploads/\(upload.id)/complete") }

    /// Sends a head that announces a body and `Expect: 100-continue`, the body once the server asks for it, and gives all that the server said.
    /// Needs a probe over sockets.
    func sendWhenAsked(_ path: String, _ bytes: [UInt8]) async throws -> String {
        let port = try #require(client.port)
        let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup).connect(host: "127.0.0.1", port: port) {
            channel in
            channel.eventLoop.makeCompletedFuture { try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel) }
        }
        return try await channel.executeThenClose { inbound, outbound in
            try await outbound.write(
                ByteBuffer(
                    string: "POST \(path) HTTP/1.1\r\nHost: test\r\nX-API-Key: \(key ?? "")\r\nContent-Type: application/octet-stream\r\n"
                        + "Content-Length: \(bytes.count)\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"))
            var said = ""
            var isAsked = false
            for try await buffer in inbound {
                said += String(buffer: buffer)
                guard !isAsked, said.hasPrefix("HTTP/1.1 100 Continue\r\n\r\n") else { continue }
                isAsked = true
                try await outbound.write(ByteBuffer(bytes: bytes))
            }
            return said
        }
    }

    /// Begins a request over a connection of its own, and breaks the connection after some of the announced bytes. Needs a probe over sockets.
    func sendAndBreak(
        _ method: String, _ path: String, announcing length: Int, sending bytes: ArraySlice<UInt8>,
        type: String = "application/octet-stream"
    ) async throws {
        let port = try #require(client.port)
        let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup).connect(host: "127.0.0.1", port: port).get()
        var buffer = ByteBuffer(
            string:
                "\(method) \(path) HTTP/1.1\r\nHost: test\r\nX-API-Key: \(key ?? "")\r\nContent-Type: \(type)\r\nContent-Length: \(length)\r\n\r\n"
        )
        buffer.writeBytes(bytes)
        try await channel.writeAndFlush(buffer)
        try await channel.close()
    }
}

extension CoreFixture {
    /// The files of the store's own folders, by their paths beneath `.catapult`.
    func storeFiles() throws -> [String] {
        let root = storage.root + "/.catapult"
        return try FileManager.default.subpathsOfDirectory(atPath: root).filter { path in
            var isFolder: ObjCBool = false
            return FileManager.default.fileExists(atPath: "\(root)/\(path)", isDirectory: &isFolder) && !isFolder.boolValue
        }.sorted()
    }

    /// Puts a file beneath the storage root.
    func place(_ sample: Sample, at path: String) throws {
        let url = URL(fileURLWithPath: "\(storage.root)/\(path)")
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(sample.bytes).write(to: url)
    }

    /// Turns over one bit of a file and leaves its times as they were, as a failing disk does.
    func flipBit(_ path: String, at offset: Int) throws {
        let full = "\(storage.root)/\(path)"
        var status = stat()
        try #require(stat(full, &status) == 0)
        try #require(chmod(full, 0o644) == 0)
        let handle = try FileHandle(forUpdating: URL(fileURLWithPath: full))
        try handle.seek(toOffset: UInt64(offset))
        let byte = try #require(try handle.read(upToCount: 1)?.first)
        try handle.seek(toOffset: UInt64(offset))
        try handle.write(contentsOf: [byte ^ 1])
        try handle.close()
        var stamps = [status.st_atim, status.st_mtim]
        try #require(utimensat(AT_FDCWD, full, &stamps, 0) == 0)
    }

    /// Runs the operations of the store while `body` goes on.
    func withStoreOperations(
        youngest: Duration = .seconds(3_600), _ body: @Sendable @escaping (StoreOperations) async throws -> Void
    ) async throws {
        let runner = OperationRunner(
            database: database, signals: signals, logs: sharedLogs, leader: leader,
            handlers: [
                VerifyOperation(database: database, blobs: blobs),
                GarbageOperation(database: database, blobs: blobs, youngest: youngest),
            ], logger: Self.logger)
        let operations = StoreOperations(
            care: ArtifactCare(database: database, runner: runner),
            service: OperationService(database: database, runner: runner, signals: signals, logs: sharedLogs))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await runner.run() }
            try await body(operations)
            group.cancelAll()
        }
    }
}

/// Begins verifications and collections, and waits for their ends.
struct StoreOperations: Sendable {
    let care: ArtifactCare
    let service: OperationService

    func verify(_ call: VerifyArtifacts = VerifyArtifacts()) async throws -> CatapultAPI.Operation {
        try await end(of: care.verify(call, CoreFixture.context("verify_artifacts", .artifact)))
    }

    func collect(_ call: CollectGarbage) async throws -> CatapultAPI.Operation {
        try await end(of: care.collectGarbage(call, CoreFixture.context("collect_garbage", .artifact)))
    }

    /// Collects without any time of grace.
    func collectAll(dryRun: Bool? = nil) async throws -> JSONValue {
        let ended = try await collect(CollectGarbage(dryRun: dryRun, graceHours: 0, retentionHours: 0))
        #expect(ended.state == .succeeded, "\(ended.message)")
        return ended.result ?? .null
    }

    func end(of operation: CatapultAPI.Operation) async throws -> CatapultAPI.Operation {
        while true {
            let now = try await service.get(GetOperation(operationID: operation.id, wait: 30), CoreFixture.context())
            if now.state.isTerminal { return now }
        }
    }
}
