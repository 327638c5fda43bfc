import HTTPTypes
import Hummingbird
import Logging
import NIOConcurrencyHelpers
import NIOCore
import ServiceLifecycle

/// A web server of the test's own on a free port of this host.
struct TestSite: Sendable {
    struct Asked: Sendable {
        var method: String
        var path: String
        var query: String
        var headers: HTTPFields
    }

    struct Reply: Sendable {
        var status = 200
        var headers: [String: String] = [:]
        var body: [UInt8] = []
        /// After so many bytes of the body the connection is closed.
        var cutAfter: Int?
        /// Waits for ever before the head.
        var hangs = false
        /// Waits so long after each byte of the body.
        var drip: Duration?

        static func text(_ text: String, status: Int = 200, headers: [String: String] = [:]) -> Reply {
            Reply(status: status, headers: headers, body: Array(text.utf8))
        }
    }

    struct Cut: Error {}

    let port: Int
    private let log: NIOLockedValueBox<[Asked]>

    var url: String { "http://127.0.0.1:\(port)" }
    /// What was asked so far, in order.
    var asked: [Asked] { log.withLockedValue { $0 } }

    /// Runs a site as long as `body` runs.
    static func run(_ answer: @escaping @Sendable (Asked) -> Reply, _ body: @Sendable (TestSite) async throws -> Void) async throws {
        let log = NIOLockedValueBox<[Asked]>([])
        let (ports, gotPort) = AsyncStream.makeStream(of: Int.self)
        let responder = CallbackResponder { (request: Request, _: BasicRequestContext) -> Response in
            let asked = Asked(
                method: request.method.rawValue, path: request.uri.path, query: request.uri.query ?? "", headers: request.headers)
            log.withLockedValue { $0.append(asked) }
            let reply = answer(asked)
            if reply.hangs { try await Task.sleep(for: .seconds(3_600)) }
            var fields = HTTPFields()
            for (name, value) in reply.headers { if let name = HTTPField.Name(name) { fields[name] = value } }
            let content = reply.body
            let body = ResponseBody(contentLength: content.count) { writer in
                if let drip = reply.drip {
                    for byte in content {
                        try await writer.write(ByteBuffer(bytes: [byte]))
                        try await Task.sleep(for: drip)
                    }
                    return try await writer.finish(nil)
                }
                try await writer.write(ByteBuffer(bytes: content.prefix(reply.cutAfter ?? content.count)))
                if reply.cutAfter != nil { throw Cut() }
                try await writer.finish(nil)
            }
            return Response(status: .init(code: reply.status), headers: fields, body: body)
        }
        let application = Application(
            responder: responder, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { channel in
                gotPort.yield(channel.localAddress?.port ?? 0)
                gotPort.finish()
            }, logger: Logger(label: "site") { _ in SwiftLogNoOpLogHandler() })
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await application.run() }
            for await port in ports {
                try await body(TestSite(port: port, log: log))
            }
            group.cancelAll()
        }
    }
}
