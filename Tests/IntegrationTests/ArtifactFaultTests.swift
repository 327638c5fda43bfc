import Catapult
import CatapultAPI
import Foundation
import Subprocess
import Testing

#if canImport(System)
import System
#else
import SystemPackage
#endif

extension Integration {
    /// Kills, a full disk and large files, against the store of a real server.
    @Suite struct ArtifactFaults {
        /// A file of random bytes beside the server's data.
        private static func makeFile(_ server: TestServer, _ name: String, bytes count: Int) async throws -> (path: String, sha256: String)
        {
            let data = try #require(try FileHandle(forReadingFrom: URL(filePath: "/dev/urandom")).read(upToCount: count))
            let path = "\(server.folder)/\(name)"
            try data.write(to: URL(filePath: path))
            return (path, try await sha256(path))
        }

        private static func sha256(_ path: String) async throws -> String {
            let result = try await Subprocess.run(.name("sha256sum"), arguments: [path], output: .string(limit: 4_096))
            return String(result.standardOutput.prefix(64))
        }

        /// What a request by curl was answered: status and body. Requests that are cut off have the status 0.
        private static func curl(_ server: TestServer, _ path: String, _ arguments: [String]) async throws -> (status: Int, json: JSONValue)
        {
            let words =
                [
                    "--silent", "--header", "X-API-Key: \(try server.adminKey)", "--write-out", "\n%{http_code}",
                    "\(server.url)/api/v1\(path)",
                ]
                + arguments
            let result = try await Subprocess.run(.name("curl"), arguments: Arguments(words), output: .string(limit: 1 << 20))
            let lines = result.standardOutput.split(separator: "\n", omittingEmptySubsequences: false)
            let json = (try? JSONParser.parse(lines.dropLast().joined(separator: "\n").utf8)) ?? .null
            return (Int(lines.last ?? "") ?? 0, json)
        }

        /// The files that the store has in one of its folders.
        private static func files(_ server: TestServer, _ folder: String) throws -> [String] {
            let root = "\(server.storage)/.catapult/\(folder)"
            return try FileManager.default.subpathsOfDirectory(atPath: root).filter { path in
                var isFolder: ObjCBool = false
                return FileManager.default.fileExists(atPath: "\(root)/\(path)", isDirectory: &isFolder) && !isFolder.boolValue
            }
        }

        private static func ended(_ operation: CatapultAPI.Operation, _ server: TestServer) async throws -> CatapultAPI.Operation {
            try await eventually("the operation ends") {
                try await server.send(GetOperation(operationID: operation.id, wait: 10))
            } until: {
                $0.state.isTerminal
            }
        }

        @Test func `an upload goes on after a kill where the last acknowledged byte was`() async throws {
            try await TestServer.run { server in
                let size = 24 << 20
                let (path, digest) = try await Self.makeFile(server, "large.bin", bytes: size)
                let upload = try await server.send(CreateUpload(sizeBytes: Int64(size), sha256: digest, name: "large.bin"))
                let first = "\(server.folder)/first"
                try FileHandle(forReadingFrom: URL(filePath: path)).read(upToCount: 8 << 20)?.write(to: URL(filePath: first))
                let piece = try await Self.curl(server, "/uploads/\(upload.id)/content?offset=0", ["--upload-file", first])
                #expect(piece.status == 200 && piece.json["offset"] == .int(8 << 20))

                // One upload in pieces and one in a single request are under way, slowly, when the server is killed.
                let rest = "\(server.folder)/rest"
                try Data(contentsOf: URL(filePath: path)).dropFirst(8 << 20).write(to: URL(filePath: rest))
                async let cut = Self.curl(
                    server, "/uploads/\(upload.id)/content?offset=\(8 << 20)", ["--upload-file", rest, "--limit-rate", "1M"])
                async let alone = Self.curl(
                    server, "/artifacts/upload?name=alone.bin",
                    [
                        "--request", "POST", "--upload-file", rest, "--limit-rate", "1M", "--header",
                        "Content-Type: application/octet-stream",
                    ])
                try await eventually("bytes of both arrive") {
                    let part = try FileManager.default.attributesOfItem(atPath: "\(server.storage)/.catapult/uploads/\(upload.id).part")
                    return try (part[.size] as? Int ?? 0, Self.files(server, "tmp").count)
                } until: {
                    $0.0 > 9 << 20 && $0.1 == 1
                }
                try await server.kill()
                let answers = try await (cut.status, alone.status)
                #expect(answers.0 < 200 && answers.1 < 200, "neither was answered but with 100 Continue")

                try await server.start()
                let found = try await server.send(GetUpload(uploadID: upload.id))
                #expect(found.state == .open)
                #expect(found.offset >= 8 << 20 && found.offset < Int64(size), "nothing acknowledged is lost, nothing is made up")
                // The writer that was killed has its lock for a while, which a client waits out.
                var options = CatapultClient.Options()
                options.retry.longest = .seconds(5)
                let patient = try CatapultClient(url: ServerURL(server.url), apiKey: server.adminKey, options: options)
                let finished = try await patient.uploadFile(
                    CreateUpload(sizeBytes: Int64(size), sha256: digest, name: "large.bin"), file: FilePath(path), continuing: found)
                let artifact = try await server.send(GetArtifact(artifactID: try #require(finished.artifactID)))
                #expect(artifact.checksum == digest && artifact.stored)
                let copy = "\(server.folder)/copy"
                _ = try await Self.curl(server, "/artifacts/\(artifact.id)/download", ["--output", copy])
                #expect(try await Self.sha256(copy) == digest)
                #expect(try await server.send(ListArtifacts()).total == 1, "what was cut off is no artifact")
                #expect(try Self.files(server, "uploads") == [])
                let verified = try await Self.ended(server.send(VerifyArtifacts()), server)
                #expect(verified.result?["bad_files"] == 0)
            }
        }

        @Test func `a collection that a kill cut off goes on, and takes nothing that is needed`() async throws {
            try await TestServer.run { server in
                var kept: [Artifact] = []
                for number in 0..<120 {
                    let answer = try await server.request(
                        .post, "/api/v1/artifacts/upload?name=\(number)", body: "bytes of \(number)",
                        headers: ["Content-Type": "application/octet-stream"])
                    let artifact = try WireDecoder.decode(Artifact.self, from: answer.json)
                    if number % 4 == 0 { kept.append(artifact) } else { try await server.send(DeleteArtifact(artifactID: artifact.id)) }
                }
                let operation = try await server.send(CollectGarbage(graceHours: 0, retentionHours: 0))
                // A folder that empties tells nobody.
                while try Self.files(server, "blobs").count == 120 { try await Task.sleep(for: .milliseconds(1)) }
                try await server.kill()
                try await server.start()
                let ended = try await Self.ended(operation, server)
                #expect(ended.state == .succeeded, "\(ended.message)")
                for artifact in kept {
                    let answer = try await server.request(.get, "/api/v1/artifacts/\(artifact.id)/download")
                    #expect(answer.status == 200 && answer.text == "bytes of \(artifact.name)")
                }
                let files = try Self.files(server, "blobs").count
                #expect((kept.count...kept.count + 1).contains(files), "at most the file whose row was just gone is left")
                let verified = try await Self.ended(server.send(VerifyArtifacts()), server)
                #expect(verified.result?["bad_files"] == 0 && verified.result?["checked_files"] == .int(Int64(kept.count)))
            }
        }

        @Test(
            .enabled(if: TestMachine.isCI || SmallFileSystem.isAllowed, "Only root can mount the small file system that is to be filled."))
        func `on a full disk an upload is answered 507, leaves nothing, and goes on when there is room`() async throws {
            let disk = try SmallFileSystem(megabytes: 24)
            defer { disk.unmount() }
            try await TestServer.run(data: "\(disk.path)/data") { server in
                let (path, digest) = try await Self.makeFile(server, "file", bytes: 8 << 20)
                let upload = try await server.send(CreateUpload(sizeBytes: 8 << 20, sha256: digest, name: "pieces"))
                try disk.fill(leaving: 2 << 20)
                let octets = ["--request", "POST", "--upload-file", path, "--header", "Content-Type: application/octet-stream"]
                let announced = try await Self.curl(server, "/artifacts/upload?name=a", octets)
                #expect(announced.status == 507 && announced.json["code"] == "storage_full", "by its size alone")
                let streamed = try await Self.curl(server, "/artifacts/upload?name=a", octets + ["--header", "Transfer-Encoding: chunked"])
                #expect(streamed.status == 507 && streamed.json["code"] == "storage_full", "in the middle")
                #expect(try Self.files(server, "tmp") == [])
                #expect(try Self.files(server, "blobs") == [])
                let cut = try await Self.curl(server, "/uploads/\(upload.id)/content?offset=0", ["--upload-file", path])
                #expect(cut.status == 507)
                #expect(try await server.send(ListArtifacts()).total == 0)

                try disk.makeRoom()
                let offset = try await server.send(GetUpload(uploadID: upload.id)).offset
                let rest = "\(server.folder)/rest"
                try Data(contentsOf: URL(filePath: path)).dropFirst(Int(offset)).write(to: URL(filePath: rest))
                let next = try await Self.curl(server, "/uploads/\(upload.id)/content?offset=\(offset)", ["--upload-file", rest])
                #expect(next.status == 200, "\(next.json)")
                let finished = try await server.send(CompleteUpload(uploadID: upload.id))
                #expect(try await server.send(GetArtifact(artifactID: finished.artifactID ?? "")).checksum == digest)
            }
        }

        @Test func `memory stays small, however large the file`() async throws {
            try await TestServer.run { server in
                // A sparse file: its bytes cost the client nothing.
                let size = 768 << 20
                let path = "\(server.folder)/large"
                try #require(FileManager.default.createFile(atPath: path, contents: nil) && truncate(path, off_t(size)) == 0)
                _ = try await server.request(.get, "/api/v1/info")
                let idle = try Memory.of(server)
                try Memory.forgetPeak(of: server)
                let answer = try await Self.curl(
                    server, "/artifacts/upload?name=large",
                    ["--request", "POST", "--upload-file", path, "--header", "Content-Type: application/octet-stream"])
                #expect(answer.status == 201, "\(answer.json)")
                let afterUpload = try Memory.of(server)
                #expect(afterUpload.peak - idle.now < 64 << 10, "uploading: \(afterUpload.peak) KiB, idle \(idle.now) KiB")
                try Memory.forgetPeak(of: server)
                let id = try #require(answer.json["id"]?.stringValue)
                let download = try await Self.curl(server, "/artifacts/\(id)/download", ["--output", "/dev/null"])
                #expect(download.status == 200)
                let afterDownload = try Memory.of(server)
                #expect(afterDownload.peak - idle.now < 64 << 10, "downloading: \(afterDownload.peak) KiB, idle \(idle.now) KiB")
            }
        }
    }
}

/// Memory of a server's process in KiB, as the kernel counts it.
private struct Memory {
    var now: Int
    var peak: Int

    static func of(_ server: TestServer) throws -> Memory {
        let status = try String(contentsOfFile: "/proc/\(try process(of: server))/status", encoding: .utf8)
        func field(_ name: String) throws -> Int {
            let line = try #require(status.split(separator: "\n").first { $0.hasPrefix(name + ":") })
            return try #require(Int(line.filter(\.isNumber)))
        }
        return Memory(now: try field("VmRSS"), peak: try field("VmHWM"))
    }

    /// Lets the peak be counted anew (proc(5), clear_refs).
    static func forgetPeak(of server: TestServer) throws {
        try Data("5".utf8).write(to: URL(filePath: "/proc/\(try process(of: server))/clear_refs"))
    }

    private static func process(of server: TestServer) throws -> String {
        try #require(
            FileManager.default.contentsOfDirectory(atPath: "/proc").first { name in
                guard Int(name) != nil, let line = try? String(contentsOfFile: "/proc/\(name)/cmdline", encoding: .utf8) else {
                    return false
                }
                let words = line.split(separator: "\0")
                return words.first?.hasSuffix("/catapult-server") == true && words.contains { $0 == server.data }
            })
    }
}
