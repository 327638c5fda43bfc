import CatapultAPI
import HTTPTypes
import Hummingbird

extension Download {
    /// The answer to a request for the file.
    ///
    /// - Throws: 412 where a condition of the request does not hold.
    func response(to request: Request, _ context: HTTPContext) throws(CatapultError) -> Response {
        var headers = headers
        let size = file.facts.size
        var conditions = request.headers
        // A range means something with GET alone (RFC 9110, section 14.2).
        if request.method != .get { conditions[.range] = nil }
        switch answer(to: conditions) {
        case .whole:
            headers[.contentType] = BodyForm.bytes.mediaType
            return Response(status: .ok, headers: headers, body: FileSender(file: file, range: 0..<size, channel: context.channel).body)
        case .part(let range):
            headers[.contentType] = BodyForm.bytes.mediaType
            headers[.contentRange] = "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(size)"
            return Response(
                status: .partialContent, headers: headers, body: FileSender(file: file, range: range, channel: context.channel).body)
        case .notModified:
            headers[.contentDisposition] = nil
            return Response(status: .notModified, headers: headers)
        case .preconditionFailed:
            throw CatapultError(
                status: 412, code: "precondition_failed", type: "PreconditionFailedError",
                message: "The file is not the one that If-Match or If-Unmodified-Since names.", hint: "Its ETag is \(entityTag).")
        case .unsatisfiable:
            var response = CallRoutes.response(
                to: CatapultError(
                    status: 416, code: "range_not_satisfiable", type: "RangeError",
                    message: "The range \(request.headers[.range] ?? "") lies outside of the file's \(size) bytes.",
                    hint: "Ask for bytes 0 to \(max(0, size - 1)).", details: ["size_bytes": .int(size)]))
            response.headers[.contentRange] = "bytes */\(size)"
            return response
        }
    }
}
