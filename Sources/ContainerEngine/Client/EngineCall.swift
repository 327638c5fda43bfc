import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1

/// One request to the engine, before the API version is known.
struct EngineCall: Sendable {
    enum Body: Sendable {
        case none
        case json(Data)
        /// Bytes of unknown length. Such a call is never repeated.
        case stream(HTTPClientRequest.Body, contentType: String)
    }

    /// What the call is about, for the errors it may end with.
    struct Subject: Sendable {
        var kind: ContainerEngineError.ObjectKind
        var id: String
    }

    var method: HTTPMethod
    /// The path behind the version, encoded.
    var path: String
    var query: [(name: String, value: String)] = []
    var body: Body = .none
    var subject = Subject(kind: .engine, id: "")
    /// What the call may take beyond the client's usual limit.
    var extraTime: Duration = .zero

    /// The method and path, without the query, which may hold build arguments.
    var name: String { "\(method.rawValue) \(path)" }

    func url(base: String, version: APIVersion?) -> String {
        var url = base
        if let version { url += "/v\(version)" }
        url += path
        for (index, item) in query.enumerated() {
            url += (index == 0 ? "?" : "&") + "\(PercentEncoding.query(item.name))=\(PercentEncoding.query(item.value))"
        }
        return url
    }

    /// The query item of a filter: a JSON map of names to lists of values, the form of every `filters` parameter of the API.
    static func filters(_ filters: [String: [String]]) throws(ContainerEngineError) -> [(name: String, value: String)] {
        let present = filters.filter { !$0.value.isEmpty }
        return present.isEmpty ? [] : [("filters", String(decoding: try EngineJSON.encode(present), as: UTF8.self))]
    }
}
