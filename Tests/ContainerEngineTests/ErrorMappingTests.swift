import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import Testing

@testable import ContainerEngine

@Suite("Error mapping")
struct ErrorMappingTests {
    private let host = EngineHost.standard
    private let container = EngineCall.Subject(kind: .container, id: "web")

    @Test("reads the engine's message, and keeps what is no JSON")
    func messages() {
        #expect(EngineJSON.message(from: Array(#"{"message":"No such container: x\n"}"#.utf8)) == "No such container: x")
        #expect(EngineJSON.message(from: Array("404 page not found\n".utf8)) == "404 page not found")
        #expect(EngineJSON.message(from: Array(#"{"cause":"that"}"#.utf8)) == "that")
        #expect(EngineJSON.message(from: [UInt8](repeating: 65, count: 5000)).count == 1024)
    }

    @Test("maps statuses")
    func statuses() {
        func error(_ status: Int, _ message: String) -> ContainerEngineError {
            ErrorMapping.error(status: status, message: message, subject: container)
        }
        #expect(error(404, "No such container: web") == .notFound(kind: .container, id: "web", message: "No such container: web"))
        #expect(error(404, "No such image: a:1") == .notFound(kind: .image, id: "web", message: "No such image: a:1"))
        #expect(error(404, "network n not found") == .notFound(kind: .network, id: "web", message: "network n not found"))
        #expect(error(409, "in use") == .conflict(message: "in use"))
        #expect(error(400, "bad") == .badRequest(message: "bad"))
        #expect(error(503, "later") == .serverError(status: 503, message: "later"))
    }

    @Test(
        "finds the port that is taken",
        arguments: [
            (
                "driver failed programming external connectivity on endpoint x (ab): Bind for 127.0.0.1:18082 failed: port is already allocated",
                18082
            ),
            ("driver failed: Error starting userland proxy: listen tcp4 127.0.0.1:9000: bind: address already in use", 9000),
            ("failed: listen tcp 0.0.0.0:80: bind: address already in use", 80),
            ("Bind for [::1]:8080 failed: port is already allocated", 8080), ("Bind for :::81 failed: port is already allocated", 81),
            ("something: port is already allocated", nil),
        ] as [(String, Int?)])
    func ports(message: String, port: Int?) {
        #expect(
            ErrorMapping.error(status: 500, message: message, subject: container) == .portAlreadyAllocated(port: port, message: message))
    }

    @Test("finds a full disk and missing GPUs in the words of a status 500")
    func causes() {
        let full = "write /var/lib/x: no space left on device"
        #expect(ErrorMapping.error(status: 500, message: full, subject: container) == .noSpace(message: full))
        let gpu = #"could not select device driver "" with capabilities: [[gpu]]"#
        #expect(ErrorMapping.error(status: 500, message: gpu, subject: container) == .gpuUnavailable(message: gpu))
    }

    @Test("maps failures of the connection, and leaves other errors alone")
    func connection() {
        func reason(_ error: any Error) -> ContainerEngineError.UnavailableReason? {
            guard case .engineUnavailable(let reason, host, _) = ErrorMapping.translate(error, host: host) as? ContainerEngineError else {
                return nil
            }
            return reason
        }
        #expect(reason(IOError(errnoCode: 2, reason: "connect")) == .socketMissing)
        #expect(reason(IOError(errnoCode: 13, reason: "connect")) == .permissionDenied)
        #expect(reason(IOError(errnoCode: 32, reason: "write")) == .connectionClosed)
        #expect(reason(HTTPClientError.remoteConnectionClosed) == .connectionClosed)
        #expect(reason(HTTPClientError.connectTimeout) == .connectTimeout)
        #expect(reason(HTTPParserError.invalidEOFState) == .connectionClosed)
        #expect(ErrorMapping.translate(HTTPClientError.cancelled, host: host) is CancellationError)
        #expect(ErrorMapping.translate(TarError.missing(file: "/x"), host: host) as? TarError == .missing(file: "/x"))
    }

    @Test("tells which part of an answer cannot be read, but never its value")
    func decoding() throws {
        let error = try #require(throws: ContainerEngineError.self) {
            _ = try EngineJSON.decode(
                EngineVersion.self, from: Array(#"{"Version":"1","ApiVersion":["secret"]}"#.utf8), call: "GET /version")
        }
        #expect(error.description.contains("ApiVersion"))
        #expect(!error.description.contains("secret"))
    }
}
