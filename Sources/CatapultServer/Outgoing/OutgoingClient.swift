import AsyncHTTPClient
import Foundation
import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix

/// Sends requests to addresses that users gave: the one way out.
///
/// A name is resolved once, the policy judges the addresses, and the connection goes to the judged address, so that a name that changes its
/// mind in between (DNS rebinding) gains nothing. Redirects are followed by hand and judged anew each time; what is secret stays with the
/// origin it was meant for.
struct OutgoingClient: Sendable {
    /// How long and how far a request may go.
    struct Limits: Sendable {
        /// For all of it: names, redirects, head, body, and what is done with the body.
        var total = Duration.seconds(15)
        /// Without progress of a body.
        var idle = Duration.seconds(60)
        var redirects = 5
    }

    /// What is asked.
    struct Request: Sendable {
        var method = HTTPMethod.GET
        var url: String
        var headers: HTTPHeaders = [:]
        /// Sent only to the origin of ``url``, never along a redirect to another one.
        var secretHeaders: HTTPHeaders = [:]
        /// Whether redirects are followed, or given back as they are.
        var followsRedirects = true
        var limits = Limits()
    }

    /// What came back; ``body`` lasts as long as the closure that gets it.
    struct Answer: Sendable {
        var status: Int
        var headers: HTTPHeaders
        var body: HTTPClientResponse.Body
        /// Where the answer came from in the end.
        var url: String
    }

    let policy: OutgoingPolicy

    /// Resolves names; a test may take its place.
    var resolve: @Sendable (_ host: String) async throws -> [IPAddress] = { host in
        try await BlockingCall.run { OutgoingClient.addresses(of: host) }
    }

    /// Sends a request and hands the answer to `body`.
    /// - Throws: `OutgoingPolicy.Refusal`, ``OutgoingProblem``, `CancellationError`, and what `body` throws.
    func send<Result: Sendable>(_ request: Request, _ body: @escaping @Sendable (Answer) async throws -> Result) async throws -> Result {
        try await withThrowingTaskGroup(of: Result.self) { group in
            group.addTask { try await follow(request, body) }
            // The deadline of the HTTP client ends with the head of an answer: a body that drips would keep it open.
            group.addTask {
                try await Task.sleep(for: request.limits.total)
                throw OutgoingProblem.timedOut(host: URL(string: request.url)?.host ?? "the server")
            }
            defer { group.cancelAll() }
            guard let result = try await group.next() else { throw CancellationError() }
            return result
        }
    }

    private func follow<Result: Sendable>(_ request: Request, _ body: @Sendable (Answer) async throws -> Result) async throws -> Result {
        let deadline = NIODeadline.now() + TimeAmount(request.limits.total)
        var url = request.url
        var hops = 0
        let origin = URL(string: request.url).flatMap { try? policy.target(of: $0) }
        while true {
            guard let parsed = URL(string: url) else {
                throw OutgoingPolicy.Refusal(reason: "is no URL", hint: "Give an address such as https://host.example/path.")
            }
            let target = try policy.target(of: parsed)
            var headers = request.headers
            if target == origin { headers.add(contentsOf: request.secretHeaders) }
            switch try await exchange(url, request, headers, target, deadline, canHop: hops < request.limits.redirects, body) {
            case .done(let result): return result
            case .redirect(let location):
                hops += 1
                guard let next = URL(string: location, relativeTo: parsed)?.absoluteString else { throw OutgoingProblem.badRedirect }
                url = next
            }
        }
    }

    private enum Step<Result: Sendable>: Sendable {
        case done(Result)
        case redirect(String)
    }

    private func exchange<Result: Sendable>(
        _ url: String, _ request: Request, _ headers: HTTPHeaders, _ target: OutgoingPolicy.Target, _ deadline: NIODeadline, canHop: Bool,
        _ body: @Sendable (Answer) async throws -> Result
    ) async throws -> Step<Result> {
        let bare = target.host.hasPrefix("[") ? String(target.host.dropFirst().dropLast()) : target.host
        let addresses = try await resolve(bare)
        // The name may be right, and its server's or this host's name service away.
        guard !addresses.isEmpty else { throw OutgoingProblem.unreachable(host: target.host, reason: "the name leads to no address") }
        let address = try policy.choose(addresses, for: target)
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow,
            timeout: .init(connect: .seconds(10), read: TimeAmount(request.limits.idle)))
        configuration.dnsOverride = [target.host: address.description]
        configuration.httpVersion = .http1Only
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        do {
            var message = HTTPClientRequest(url: url)
            message.method = request.method
            message.headers = headers
            if !message.headers.contains(name: "user-agent") { message.headers.add(name: "user-agent", value: "catapult") }
            let response: HTTPClientResponse
            do {
                response = try await client.execute(message, deadline: deadline)
            } catch {
                // The HTTP client has an error of its own for a task that was cancelled.
                try Task.checkCancellation()
                throw OutgoingProblem(error, host: target.host)
            }
            let status = Int(response.status.code)
            let result: Step<Result>
            if request.followsRedirects, [301, 302, 303, 307, 308].contains(status), let location = response.headers.first(name: "location")
            {
                guard canHop else { throw OutgoingProblem.tooManyRedirects }
                result = .redirect(location)
            } else {
                result = .done(try await body(Answer(status: status, headers: response.headers, body: response.body, url: url)))
            }
            try? await client.shutdown()
            return result
        } catch {
            try? await client.shutdown()
            throw error
        }
    }

    /// The addresses of a host: the resolver's, or the one that the host is. Blocks.
    static func addresses(of host: String) -> [IPAddress] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, nil, &hints, &list) == 0 else { return [] }
        defer { freeaddrinfo(list) }
        var found: [IPAddress] = []
        var next = list
        while let entry = next {
            if let address = IPAddress(entry.pointee.ai_addr), !found.contains(address) { found.append(address) }
            next = entry.pointee.ai_next
        }
        return found
    }
}

/// What went wrong on the way.
enum OutgoingProblem: Error, Sendable, Equatable {
    case unreachable(host: String, reason: String)
    case timedOut(host: String)
    case tooManyRedirects
    case badRedirect
    case tooLarge(limit: Int)

    init(_ error: any Error, host: String) {
        switch error {
        case let error as HTTPClientError where [.deadlineExceeded, .connectTimeout, .readTimeout].contains(error):
            self = .timedOut(host: host)
        case let error as HTTPClientError: self = .unreachable(host: host, reason: error.shortDescription)
        case let error as NIOConnectionError:
            let reasons = error.connectionErrors.map { "\($0.error)" }
            self = .unreachable(host: host, reason: reasons.contains { $0.contains("refused") } ? "connection refused" : "no connection")
        default: self = .unreachable(host: host, reason: "\(error)".contains("refused") ? "connection refused" : "the connection failed")
        }
    }

    /// In words, to follow the name of the service and a colon.
    var reason: String {
        switch self {
        case .unreachable(let host, let reason): "\(host) cannot be reached (\(reason))"
        case .timedOut(let host): "\(host) did not answer in time"
        case .tooManyRedirects: "too many redirects"
        case .badRedirect: "a redirect leads nowhere"
        case .tooLarge(let limit): "the answer has more than \(limit) bytes"
        }
    }
}

extension OutgoingClient.Answer {
    /// The whole body.
    /// - Throws: ``OutgoingProblem``.
    func bytes(limit: Int) async throws -> [UInt8] {
        do {
            return Array(buffer: try await body.collect(upTo: limit))
        } catch is NIOTooManyBytesError {
            throw OutgoingProblem.tooLarge(limit: limit)
        } catch {
            try Task.checkCancellation()
            throw OutgoingProblem(error, host: URL(string: url)?.host ?? "the server")
        }
    }
}
