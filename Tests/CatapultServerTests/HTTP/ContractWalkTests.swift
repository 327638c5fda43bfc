import CatapultAPI
import DatabaseTesting
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Testing

@testable import CatapultServer

/// Walks the files of `Tests/Contract` against a whole server: the rows of the wire contract, as earlier clients send and read them.
@Suite("The contract of earlier clients") struct ContractWalkTests {
    @Test(arguments: try ContractFile.all(), TestDatabase.all)
    func everyRowIsAsItWas(_ file: ContractFile, on kind: TestDatabase) async throws {
        try await withTemporaryDirectory { directory in
            switch kind {
            case .sqlite: try await walk(file, directory, databaseURL: nil)
            case .postgresql: try await PostgreSQLServer.forTests().withDatabase { try await walk(file, directory, databaseURL: $0) }
            }
        }
    }

    /// Both spellings of the routes of versions lead to the same calls: old scripts still say releases (contract, section 3.2).
    @Test func everyRouteOfVersionsHasItsOlderName() {
        for call in Catalogue.calls where call.route.path.hasPrefix("/api/v1/versions") {
            #expect(call.route.alias == call.route.path.replacing("/versions", with: "/releases", maxReplacements: 1), "\(call.name)")
        }
    }

    private func walk(_ file: ContractFile, _ directory: String, databaseURL: String?) async throws {
        var configuration = ServerConfiguration(dataDirectory: "\(directory)/data", templatesDirectory: "\(directory)/no-templates")
        configuration.adminKey = Self.adminKey
        configuration.databaseURL = databaseURL
        let server = try await Server(configuration, logger: CoreFixture.logger)
        do {
            try await Application(responder: server.responder).test(.router) { client in
                try await Self.walk(file, client, storage: "\(directory)/data/storage")
            }
            await server.close()
        } catch {
            await server.close()
            throw error
        }
    }

    private static let adminKey = "admin.of-the-contract-walk"

    private static func walk(_ file: ContractFile, _ client: any TestClientProtocol, storage: String) async throws {
        var variables = ["admin": adminKey, "storage": storage]
        func filled(_ text: String) -> String {
            variables.reduce(text) { $0.replacing("${\($1.key)}", with: $1.value) }
        }
        for item in file.items {
            switch item {
            case .file(let path, let content):
                let url = URL(filePath: "\(storage)/\(path)")
                try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
                try Data(content.utf8).write(to: url)
            case .step(let step):
                let place = SourceLocation(fileID: "Tests/Contract", filePath: file.path, line: step.line, column: 1)
                let answer = try await send(step, to: client, key: step.key.map { filled($0 == "admin" ? "${admin}" : $0) }, filled)
                var problems: [String] = []
                if answer.status != step.status { problems.append("the status must be \(step.status), but is \(answer.status)") }
                if let pattern = step.pattern {
                    problems += ContractPattern.problems(answer.json, try JSONParser.parse(filled(pattern).utf8))
                }
                for field in step.fields {
                    let found = HTTPField.Name(field.name).flatMap { answer.headers[$0] } ?? "-"
                    if found != filled(field.value) { problems.append("\(field.name) must be \(field.value), but is \(found)") }
                }
                for problem in problems { Issue.record("\(step.method) \(step.path): \(problem)", sourceLocation: place) }
                for (name, way) in step.saved { variables[name] = answer.json.value(at: way)?.stringValue }
            }
        }
    }

    private static func send(
        _ step: ContractStep, to client: any TestClientProtocol, key: String?, _ filled: (String) -> String
    ) async throws -> HTTPProbe.Answer {
        var headers: HTTPFields = [:]
        var body = step.body.map(filled)
        if let text = body, text.hasPrefix("form ") {
            headers[.contentType] = "multipart/form-data; boundary=contract"
            body = form(text)
        } else if body != nil {
            headers[.contentType] = "application/json"
        }
        let method = try #require(HTTPRequest.Method(step.method))
        return try await HTTPProbe(client: client, key: key).send(method, filled(step.path), body, headers: headers)
    }

    /// `form platform=any file=NAME:CONTENT` as browsers send it.
    private static func form(_ text: String) -> String {
        let parts = text.split(separator: " ").dropFirst().map { field in
            let pair = field.split(separator: "=", maxSplits: 1).map(String.init)
            guard pair[0] == "file", let colon = pair[1].firstIndex(of: ":") else {
                return "--contract\r\nContent-Disposition: form-data; name=\"\(pair[0])\"\r\n\r\n\(pair[1])\r\n"
            }
            return "--contract\r\nContent-Disposition: form-data; name=\"file\"; filename=\"\(pair[1][..<colon])\"\r\n"
                + "Content-Type: application/octet-stream\r\n\r\n\(pair[1][pair[1].index(after: colon)...])\r\n"
        }
        return parts.joined() + "--contract--\r\n"
    }
}

extension ContractFile: CustomTestStringConvertible {
    var testDescription: String { URL(filePath: path).lastPathComponent }
}
