import CatapultAPI
import HTTPTypes
import Testing

@testable import CatapultServer

@Suite struct HTTPTests {
    @Test func jsonThatIsCutOffNamesThePlace() async throws {
        try await CoreFixture.with { fixture async throws in
            try await fixture.http { http async throws in
                let answer = try await http.send(.post, "/api/v1/models", #"{"name":"a","#)
                #expect(answer.status == 422)
                #expect(answer.json["detail"]?[0]?["type"] == "json_invalid")
                #expect(answer.json["detail"]?[0]?["loc"]?[0] == "body")
                #expect(answer.json["detail"]?[0]?["loc"]?[1] == 12)
            }
        }
    }

    @Test func everyProblemIsToldAtOnce() async throws {
        try await CoreFixture.with { fixture async throws in
            try await fixture.http { http async throws in
                let answer = try await http.send(.post, "/api/v1/models", #"{"name":"not allowed!","server_type":"vlm"}"#)
                #expect(answer.status == 422)
                let places = answer.json["detail"]?.arrayValue?.compactMap { $0["loc"]?[1]?.stringValue }.sorted()
                #expect(places == ["name", "server_type", "storage_path"])
            }
        }
    }

    @Test func unknownFieldsAreAcceptedAndNamed() async throws {
        try await CoreFixture.with { fixture async throws in
            try await fixture.http { http async throws in
                let answer = try await http.send(.post, "/api/v1/models", #"{"name":"a","storage_path":"a","colour":"red"}"#)
                #expect(answer.status == 201)
                #expect(answer.headers[.ignoredFields] == "colour")
            }
        }
    }

    @Test func aBodyThatIsTooLargeIsRefused() async throws {
        try await CoreFixture.with { fixture async throws in
            try await fixture.http { http async throws in
                let answer = try await http.send(
                    .post, "/api/v1/models", #"{"name":"a","description":""# + String(repeating: "x", count: 70_000) + #""}"#)
                #expect(answer.status == 413)
                #expect(answer.json["error_type"] == "PayloadTooLargeError")
            }
        }
    }

    @Test func unknownRoutesAndMethodsAreToldApart() async throws {
        try await CoreFixture.with { fixture async throws in
            try await fixture.http { http async throws in
                let nowhere = try await http.send(.get, "/api/v1/nothing")
                #expect(nowhere.status == 404)
                #expect(nowhere.detail == "Not Found")
                let patch = try await http.send(.patch, "/api/v1/models")
                #expect(patch.status == 405)
                #expect(patch.detail == "Method Not Allowed")
                #expect(patch.headers[.allow] == "GET, POST")
                #expect(try await http.send(.head, "/api/v1/models").status == 405)
            }
        }
    }

    @Test func trailingSlashAndOldNamesAreServed() async throws {
        try await CoreFixture.with { fixture async throws in
            try await fixture.http { http async throws in
                #expect(try await http.send(.get, "/api/v1/models/").status == 200)
                #expect(try await http.send(.get, "/api/v1/releases").status == 200)
            }
        }
    }

    @Test func requestIDsAreKeptWhenTheyAreSafe() async throws {
        try await CoreFixture.with { fixture async throws in
            try await fixture.http { http async throws in
                let kept = try await http.send(.get, "/api/v1/models", headers: [.requestID: "trace-1"])
                #expect(kept.headers[.requestID] == "trace-1")
                let long = try await http.send(.get, "/api/v1/models", headers: [.requestID: String(repeating: "x", count: 200)])
                #expect(Identifier.isUUID(long.headers[.requestID] ?? ""))
            }
        }
    }

    @Test func bothPagingDialectsWork() async throws {
        try await CoreFixture.with { fixture async throws in
            for number in 0..<5 { _ = try await fixture.model("m\(number)") }
            try await fixture.http { http async throws in
                let second = try await http.send(.get, "/api/v1/models?page=2&size=2")
                #expect(second.json["items"]?.arrayValue?.count == 2)
                #expect(second.json["total"] == 5)
                #expect(second.json["pages"] == 3)
                let rows = try await http.send(.get, "/api/v1/models?limit=2&offset=2")
                #expect(rows.json["items"] == second.json["items"])
                #expect(rows.json["page"] == 2)
                #expect(rows.json["size"] == 2)
                let past = try await http.send(.get, "/api/v1/models?page=9&size=2")
                #expect(past.json["items"] == [])
                #expect(try await http.send(.get, "/api/v1/models?size=101").status == 422)
                #expect(try await http.send(.get, "/api/v1/models?page=0").status == 422)
                #expect(try await http.send(.get, "/api/v1/models?page=two").status == 422)
            }
        }
    }
}
