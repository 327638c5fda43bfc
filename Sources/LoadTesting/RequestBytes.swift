import NIOCore
import NIOHTTP1

/// A plan's request, written out once, to be sent again and again.
struct RequestBytes: Sendable {
    /// What the decoder of answers must know (an answer to `HEAD` has no content).
    let head: HTTPRequestHead
    /// The whole request as it goes over the wire.
    let bytes: ByteBuffer

    /// - Parameter plan: a plan that ``LoadTest/Plan/validate()`` accepted, so that no name or value can break the framing.
    init(_ plan: LoadTest.Plan) {
        head = HTTPRequestHead(version: .http1_1, method: HTTPMethod(rawValue: plan.method), uri: plan.target.path)
        var text = "\(plan.method) \(plan.target.path) HTTP/1.1\r\n"
        if !plan.headers.contains(where: { $0.name.lowercased() == "host" }) { text += "Host: \(plan.target.authority)\r\n" }
        for header in plan.headers { text += "\(header.name): \(header.value)\r\n" }
        // RFC 9110 section 8.6: methods that give a meaning to content announce even that it is empty.
        if !plan.body.isEmpty || ["POST", "PUT", "PATCH"].contains(plan.method) { text += "Content-Length: \(plan.body.count)\r\n" }
        text += "\r\n"
        var bytes = ByteBuffer(string: text)
        bytes.writeBytes(plan.body)
        self.bytes = bytes
    }
}
