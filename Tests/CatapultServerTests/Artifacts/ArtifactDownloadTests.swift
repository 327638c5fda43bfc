import CatapultAPI
import Foundation
import HTTPTypes
import Testing

@testable import CatapultServer

@Suite struct ArtifactDownloadTests {
    private static let sample = Sample(700_001)

    /// Over sockets the kernel sends the file; against the router it is copied.
    @Test(arguments: [true, false])
    func rangesAndConditionsAreHonoured(overSockets: Bool) async throws {
        try await CoreFixture.with(on: [.sqlite]) { fixture async throws in
            try await fixture.http(over: overSockets) { api in
                let sample = Self.sample
                let artifact: Artifact = try await api.store(sample, "weights.gguf").decoded()
                let path = "/api/v1/artifacts/\(artifact.id)/download"
                let tag = "\"\(sample.sha256)\""

                let whole = try await api.raw(.get, path)
                #expect(whole.status == 200 && whole.bytes == sample.bytes)
                #expect(whole.headers[.eTag] == tag && whole.headers[.acceptRanges] == "bytes")
                #expect(whole.headers[.contentLength] == "700001")
                #expect(whole.headers[.contentDisposition] == "attachment; filename=\"weights.gguf\"")
                let date = try #require(whole.headers[.lastModified])

                for (range, part) in [
                    ("bytes=0-0", 0..<1), ("bytes=100-299", 100..<300), ("bytes=700000-", 700_000..<700_001),
                    ("bytes=-5", 699_996..<700_001),
                    ("bytes=300000-9999999", 300_000..<700_001),
                ] {
                    let answer = try await api.raw(.get, path, headers: [.range: range])
                    #expect(answer.status == 206 && answer.bytes == Array(sample.bytes[part]), "\(range)")
                    #expect(answer.headers[.contentRange] == "bytes \(part.lowerBound)-\(part.upperBound - 1)/700001")
                    #expect(answer.headers[.contentLength] == "\(part.count)")
                }
                for range in ["bytes=0-1,5-6", "lines=1-2", "bytes=9-5"] {
                    let answer = try await api.raw(.get, path, headers: [.range: range])
                    #expect(answer.status == 200 && answer.bytes.count == 700_001, "\(range) is answered as a whole")
                }
                for range in ["bytes=700001-", "bytes=-0"] {
                    let answer = try await api.raw(.get, path, headers: [.range: range])
                    #expect(answer.status == 416 && answer.headers[.contentRange] == "bytes */700001", "\(range)")
                }

                let same = try await api.raw(.get, path, headers: [.ifNoneMatch: "\"x\", W/\(tag)"])
                #expect(same.status == 304 && same.bytes.isEmpty && same.headers[.eTag] == tag)
                #expect(try await api.raw(.get, path, headers: [.ifModifiedSince: date]).status == 304)
                #expect(try await api.raw(.get, path, headers: [.ifMatch: "\"x\""]).status == 412)
                #expect(try await api.raw(.get, path, headers: [.ifMatch: tag]).status == 200)
                #expect(try await api.raw(.get, path, headers: [.range: "bytes=0-9", .ifRange: tag]).status == 206)
                #expect(try await api.raw(.get, path, headers: [.range: "bytes=0-9", .ifRange: "\"x\""]).status == 200)
                #expect(try await api.raw(.get, path, headers: [.range: "bytes=0-9", .ifRange: "W/\(tag)"]).status == 200)

                let head = try await api.raw(.head, path, headers: [.range: "bytes=0-9"])
                #expect(head.status == 200 && head.bytes.isEmpty)
                #expect(head.headers[.contentLength] == "700001" && head.headers[.eTag] == tag)
                let after = try await api.raw(.get, path, headers: [.range: "bytes=0-9"])
                #expect(after.bytes == Array(sample.bytes[..<10]), "the connection goes on after HEAD")
            }
        }
    }

    @Test func anEmptyFileIsSent() async throws {
        try await CoreFixture.with { fixture async throws in
            try await fixture.http(over: true) { api in
                let artifact: Artifact = try await api.store(Sample(0), "empty").decoded()
                let answer = try await api.raw(.get, "/api/v1/artifacts/\(artifact.id)/download")
                #expect(answer.status == 200 && answer.bytes.isEmpty && answer.headers[.contentLength] == "0")
                let range = try await api.raw(.get, "/api/v1/artifacts/\(artifact.id)/download", headers: [.range: "bytes=0-"])
                #expect(range.status == 416)
            }
        }
    }

    @Test func namesAreSafeInHeaders() async throws {
        try await CoreFixture.with(on: [.sqlite]) { fixture async throws in
            try await fixture.http { api in
                let artifact: Artifact = try await api.store(Sample(3), "a%22%3B%20x%3D%C3%BC.bin").decoded()
                #expect(artifact.name == "a\"; x=ü.bin")
                let answer = try await api.raw(.get, "/api/v1/artifacts/\(artifact.id)/download")
                #expect(
                    answer.headers[.contentDisposition]
                        == "attachment; filename=\"a_; x=_.bin\"; filename*=UTF-8''a%22%3B%20x%3D%C3%BC.bin")
                #expect(try await api.store(Sample(3), "a%0D%0AX-Evil:1").status == 400)
                #expect(try await api.store(Sample(3), "a%00b").status == 422, "no text of a request holds NUL")
            }
        }
    }

    @Test func aFileInPlaceIsSentAndItsChangeIsNoticed() async throws {
        try await CoreFixture.with { fixture async throws in
            try fixture.place(Self.sample, at: "wheels/x.whl")
            try await fixture.http(over: true) { api in
                let registered = try await api.send(
                    .post, "/api/v1/artifacts/register", #"{"file_path": "wheels/x.whl", "checksum": "\#(Self.sample.sha256)"}"#)
                #expect(registered.status == 201)
                let id = try #require(registered.json["id"]?.stringValue)
                #expect(registered.json["artifact_type"] == "wheel" && registered.json["checksum"] == .string(Self.sample.sha256))
                #expect(try fixture.storeFiles() == [], "nothing is copied")
                #expect(try await api.raw(.get, "/api/v1/artifacts/\(id)/download").bytes == Self.sample.bytes)

                try fixture.place(Sample(5), at: "wheels/x.whl")
                let changed = try await api.raw(.get, "/api/v1/artifacts/\(id)/download")
                #expect(changed.status == 409 && changed.json["code"] == "bytes_damaged")
                #expect(try await api.send(.get, "/api/v1/artifacts/\(id)").json["stored"] == false)
                try FileManager.default.removeItem(atPath: "\(fixture.storage.root)/wheels/x.whl")
                #expect(try await api.raw(.get, "/api/v1/artifacts/\(id)/download").status >= 404)

                let wrong = try await api.send(
                    .post, "/api/v1/artifacts/register", #"{"file_path": "wheels/x.whl", "name": "other"}"#)
                #expect(wrong.status == 400)
            }
        }
    }

    @Test(arguments: [
        "../outside", "/etc/passwd", "a/../../etc/passwd", ".catapult/tmp", "link/secret", "folder", "fifo", "%2e%2e/x", "a\u{0}b", "",
        String(repeating: "x", count: 300), String(repeating: "../", count: 100) + "etc/passwd", "self",
    ])
    func noPathLeadsOut(_ path: String) async throws {
        try await CoreFixture.with(on: [.sqlite]) { fixture async throws in
            let root = fixture.storage.root
            let outside = fixture.directory + "/outside"
            try FileManager.default.createDirectory(atPath: outside, withIntermediateDirectories: true)
            try Data([1]).write(to: URL(fileURLWithPath: outside + "/secret"))
            try FileManager.default.createSymbolicLink(atPath: root + "/link", withDestinationPath: outside)
            try FileManager.default.createSymbolicLink(atPath: root + "/self", withDestinationPath: "self")
            try FileManager.default.createDirectory(atPath: root + "/folder", withIntermediateDirectories: true)
            try #require(mkfifo(root + "/fifo", 0o600) == 0)
            try await fixture.http { api in
                let body = JSONValue.object(["file_path": .string(path), "name": "x"]).jsonText
                let answer = try await api.send(.post, "/api/v1/artifacts/register", body)
                #expect(answer.status == 400 || answer.status == 422, "\(answer.json)")
                let query = path.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
                let source = try await api.send(.get, "/api/v1/artifacts/sources/vllm_wheels/download?path=\(query)")
                #expect([400, 404, 422].contains(source.status), "\(source.json)")
            }
        }
    }
}
