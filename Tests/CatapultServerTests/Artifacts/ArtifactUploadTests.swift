import CatapultAPI
import Foundation
import HTTPTypes
import SQLDatabase
import Testing

@testable import CatapultServer

@Suite struct ArtifactUploadTests {
    private static func form(_ fields: [(String, String)], file: [UInt8]?, filename: String = "a.bin", isClosed: Bool = true) -> [UInt8] {
        var bytes: [UInt8] = []
        for (name, value) in fields {
            bytes += Array("--xyz\r\nContent-Disposition: form-data; name=\"\(name)\"\r\n\r\n\(value)\r\n".utf8)
        }
        if let file {
            bytes += Array("--xyz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"\(filename)\"\r\n\r\n".utf8)
            bytes += file + [13, 10]
        }
        return bytes + (isClosed ? Array("--xyz--\r\n".utf8) : [])
    }

    private static let multipart: HTTPFields = [.contentType: "multipart/form-data; boundary=xyz"]

    @Test func bytesAloneAndAFormStoreTheSame() async throws {
        try await CoreFixture.with { fixture async throws in
            let sample = Sample(300_000)
            try await fixture.http { api in
                let alone = try await api.store(sample, "dir/a.whl", "&checksum=\(sample.sha256)&platform=linux_x86_64")
                #expect(alone.status == 201)
                let first: Artifact = try alone.decoded()
                #expect(first.checksum == sample.sha256 && first.sizeBytes == sample.size && first.stored && first.artifactType == "wheel")
                #expect(first.platform == "linux_x86_64")

                let model = try await fixture.model()
                let form = Self.form([("model_id", model.id), ("platform", ""), ("artifact_type", "report")], file: sample.bytes)
                let second: Artifact = try await api.raw(.post, "/api/v1/artifacts/upload", form, headers: Self.multipart).decoded()
                #expect(second.name == "a.bin" && second.checksum == sample.sha256 && second.modelID == model.id)
                #expect(second.artifactType == "report" && second.platform == "any" && second.uploadedBy == "admin")
            }
            #expect(try fixture.storeFiles().count == 1, "equal bytes are stored once")
        }
    }

    @Test func aFormFromAPathOnAnotherMachineGivesTheNameAlone() async throws {
        try await CoreFixture.with(on: [.sqlite]) { fixture async throws in
            try await fixture.http { api in
                for (sent, name) in [("C:\\\\Users\\\\me\\\\b.bin", "b.bin"), ("../../etc/c.bin", "c.bin")] {
                    let answer = try await api.raw(
                        .post, "/api/v1/artifacts/upload", Self.form([], file: [1], filename: sent), headers: Self.multipart)
                    #expect(answer.json["name"] == .string(name))
                }
            }
        }
    }

    @Test func wrongBytesAreRefusedWithBothSums() async throws {
        try await CoreFixture.with { fixture async throws in
            let (sample, other) = (Sample(10_000), Sample(10, seed: 3))
            try await fixture.http { api in
                let alone = try await api.store(sample, "a.bin", "&checksum=\(other.sha256)")
                let form = try await api.raw(
                    .post, "/api/v1/artifacts/upload", Self.form([("checksum", other.sha256)], file: sample.bytes), headers: Self.multipart)
                for answer in [alone, form] {
                    #expect(answer.status == 400)
                    #expect(answer.json["detail"]?.stringValue?.contains(sample.sha256) == true)
                    #expect(answer.json["detail"]?.stringValue?.contains(other.sha256) == true)
                }
                #expect(try await api.send(.get, "/api/v1/artifacts").json["total"] == 0)
            }
            #expect(try fixture.storeFiles() == [])
        }
    }

    @Test func whatIsTooLargeIsRefused() async throws {
        try await CoreFixture.with(on: [.sqlite]) { fixture async throws in
            try await fixture.http { api in
                let large = [UInt8](repeating: 0, count: (16 << 20) + 1)
                let answer = try await api.raw(
                    .post, "/api/v1/artifacts/upload?name=a", large, headers: [.contentType: "application/octet-stream"])
                #expect(answer.status == 413)
                #expect(answer.json["limit_bytes"] == .int(16 << 20))
                let form = try await api.raw(.post, "/api/v1/artifacts/upload", Self.form([], file: large), headers: Self.multipart)
                #expect(form.status == 413)
                let begun = try await api.send(
                    .post, "/api/v1/uploads", #"{"size_bytes": \#((16 << 20) + 1), "sha256": "\#(Sample(1).sha256)", "name": "a"}"#)
                #expect(begun.status == 413)
            }
            #expect(try fixture.storeFiles() == [])
        }
    }

    @Test func brokenFormsAreRefused() async throws {
        try await CoreFixture.with(on: [.sqlite]) { fixture async throws in
            try await fixture.http { api in
                let forms: [([UInt8], Int)] = [
                    (Self.form([("name", "a")], file: nil), 422), (Self.form([], file: [1, 2], isClosed: false), 400),
                    (Self.form([], file: [1]) + [], 201), (Array("--xyz".utf8), 400), ([], 400),
                    (Self.form([("unknown_field", "x")], file: [2], filename: "u.bin"), 201),
                    (Self.form([("checksum", "abc")], file: [3], filename: "v.bin"), 422),
                    (Self.form([("release_id", "no-uuid")], file: [3], filename: "v.bin"), 400),
                    (Self.form([("release_id", "00000000-0000-7000-8000-000000000000")], file: [3], filename: "v.bin"), 404),
                    (Self.form([("name", "../v.bin")], file: [3]), 400),
                ]
                for (form, status) in forms {
                    let answer = try await api.raw(.post, "/api/v1/artifacts/upload", form, headers: Self.multipart)
                    #expect(
                        answer.status == status,
                        "\(String(decoding: form, as: UTF8.self)) → \(String(decoding: answer.bytes, as: UTF8.self))")
                }
                let none = try await api.raw(.post, "/api/v1/artifacts/upload", [1], headers: [.contentType: "multipart/form-data"])
                #expect(none.status == 400)
            }
            #expect(try fixture.storeFiles().count == 2)
        }
    }

    @Test func aNameIsTakenOnceInItsPlace() async throws {
        try await CoreFixture.with { fixture async throws in
            let model = try await fixture.model()
            try await fixture.http { api in
                #expect(try await api.store(Sample(10), "a.bin").status == 201)
                let again = try await api.store(Sample(20), "a.bin")
                #expect(again.status == 409)
                #expect(again.json["artifact_id"]?.stringValue != nil)
                #expect(try await api.store(Sample(20), "a.bin", "&model_id=\(model.id)").status == 201)
                #expect(try await api.store(Sample(30), "a.bin", "&model_id=\(model.name)").status == 409)
            }
            #expect(try fixture.storeFiles().count == 2, "what was refused leaves nothing")
        }
    }

    @Test func ofTwoWritersOfANameOneWins() async throws {
        try await CoreFixture.with { fixture async throws in
            try await fixture.http { api in
                let answers = try await withThrowingTaskGroup(of: RawAnswer.self) { group in
                    for writer in 0..<6 { group.addTask { try await api.store(Sample(50_000, seed: UInt8(writer)), "same.bin") } }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                #expect(answers.map(\.status).sorted() == [201, 409, 409, 409, 409, 409])
                let winner: Artifact = try #require(answers.first { $0.status == 201 }).decoded()
                let got = try await api.raw(.get, "/api/v1/artifacts/\(winner.id)/download")
                #expect(got.bytes.count == 50_000)
                #expect(got.headers[.eTag] == "\"\(winner.checksum)\"")
            }
            #expect(try fixture.storeFiles().count == 1)
        }
    }

    @Test func aClientThatWaitsIsAskedForItsBytesOrRefusedWithoutThem() async throws {
        try await CoreFixture.with(on: [.sqlite]) { fixture async throws in
            let sample = Sample(100_000)
            try await fixture.http(over: true) { api in
                let taken = try await api.sendWhenAsked("/api/v1/artifacts/upload?name=a.bin", sample.bytes)
                #expect(taken.hasPrefix("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\n"), "\(taken)")
                let refused = try await api.sendWhenAsked("/api/v1/artifacts/upload?name=a.bin", sample.bytes)
                #expect(refused.hasPrefix("HTTP/1.1 409 Conflict\r\n"), "\(refused)")
                let stranger = try await api.with(key: "no-key").sendWhenAsked("/api/v1/artifacts/upload?name=b.bin", sample.bytes)
                #expect(stranger.hasPrefix("HTTP/1.1 401 Unauthorized\r\n"), "\(stranger)")
            }
        }
    }

    @Test func whatIsCutOffLeavesNothing() async throws {
        try await CoreFixture.with(on: [.sqlite]) { fixture async throws in
            let sample = Sample(1 << 20)
            let form = Self.form([], file: sample.bytes)
            try await fixture.http(over: true) { api in
                for tenth in 0..<10 {
                    try await api.sendAndBreak(
                        "POST", "/api/v1/artifacts/upload?name=a.bin", announcing: sample.bytes.count,
                        sending: sample.bytes.prefix(sample.bytes.count * tenth / 10))
                    try await api.sendAndBreak(
                        "POST", "/api/v1/artifacts/upload", announcing: form.count, sending: form.prefix(form.count * tenth / 10),
                        type: "multipart/form-data; boundary=xyz")
                }
                // Requests on other connections end by themselves; nothing tells of it.
                for _ in 0..<500 where try fixture.storeFiles() != [] { try await Task.sleep(for: .milliseconds(20)) }
                #expect(try fixture.storeFiles() == [])
                #expect(try await api.send(.get, "/api/v1/artifacts").json["total"] == 0)
                #expect(try await api.store(sample, "a.bin").status == 201)
            }
        }
    }
}
