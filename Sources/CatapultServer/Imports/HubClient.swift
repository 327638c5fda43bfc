import CatapultAPI
import Foundation
import NIOHTTP1

/// Speaks with the hub.
struct HubClient: Sendable {
    let configuration: HubConfiguration
    let outgoing: OutgoingClient

    /// - Parameter policy: of requests to addresses that users give; the hub's own address is allowed besides, since the admin gave it.
    init(_ configuration: HubConfiguration, policy: OutgoingPolicy) {
        self.configuration = configuration
        outgoing = OutgoingClient(policy: policy.allowing(configuration.endpoint))
    }

    private var secrets: HTTPHeaders { configuration.token.map { ["authorization": "Bearer \($0)"] } ?? [:] }

    /// Resolves a revision to its commit and files.
    /// - Throws: 400, 403, 404, 503 as `CatapultError`.
    func repository(_ name: String, revision: String) async throws -> HubRepository {
        let url = "\(configuration.endpoint)/api/models/\(Self.path(name))/revision/\(Self.path(revision, slashes: false))?blobs=true"
        var request = OutgoingClient.Request(url: url, headers: ["accept": "application/json"], secretHeaders: secrets)
        request.limits.total = .seconds(60)
        let repeats = Repeats()
        while true {
            do {
                let json = try await outgoing.send(request) { [configuration] answer in
                    guard answer.status == 200 else {
                        throw HubProblem.error(
                            answer.status, answer.headers, repository: name, revision: revision, hasToken: configuration.token != nil)
                    }
                    guard let json = try? JSONParser.parse(await answer.bytes(limit: HubRepository.answerLimit)) else {
                        throw HubProblem.unavailable("its answer is not JSON")
                    }
                    return json
                }
                return try HubRepository(json)
            } catch {
                try await repeats.pause(after: error)
            }
        }
    }

    /// Reads a range of a file and hands it to `body` with what the answer says of it.
    func read<Result: Sendable>(
        _ path: String, of name: String, at commit: String, from start: Int64, through end: Int64,
        _ body: @escaping @Sendable (OutgoingClient.Answer) async throws -> Result
    ) async throws -> Result {
        var request = OutgoingClient.Request(
            url: address(of: path, in: name, at: commit), headers: ["range": "bytes=\(start)-\(end)"], secretHeaders: secrets)
        // The whole may take hours; what may not is to stand still.
        request.limits.total = .seconds(24 * 3_600)
        request.limits.idle = .seconds(30)
        return try await outgoing.send(request) { [configuration] answer in
            guard answer.status == 200 || answer.status == 206 else {
                throw HubProblem.error(
                    answer.status, answer.headers, repository: name, revision: commit, file: path, hasToken: configuration.token != nil)
            }
            return try await body(answer)
        }
    }

    /// The address of a file.
    func address(of path: String, in name: String, at commit: String) -> String {
        "\(configuration.endpoint)/\(Self.path(name))/resolve/\(commit)/\(Self.path(path))"
    }

    private static let unreserved = CharacterSet(charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")

    /// Percent-encodes what is not unreserved (RFC 3986, section 2.3).
    private static func path(_ text: String, slashes: Bool = true) -> String {
        text.addingPercentEncoding(withAllowedCharacters: slashes ? unreserved.union(CharacterSet(charactersIn: "/")) : unreserved) ?? text
    }
}

extension OutgoingPolicy {
    /// The same policy with one more host, that of a URL.
    func allowing(_ url: String) -> OutgoingPolicy {
        guard let parsed = URL(string: url), let target = try? target(of: parsed) else { return self }
        return adding(host: target.host, port: target.port)
    }
}

/// Errors of the hub, and what they mean.
enum HubProblem {
    /// An answer that may be another one in a moment.
    struct Passing: Error {
        /// What the hub asked us to wait.
        var retryAfter: Duration?
        /// What it becomes when it does not pass.
        var error: CatapultError
    }

    static func unavailable(_ reason: String, retryAfter: Int = 30) -> CatapultError {
        .unavailable("The hub", reason, hint: "Try again later; what has arrived is kept for a repeated attempt.", retryAfter: retryAfter)
    }

    /// The error of an answer. The hub names causes in `X-Error-Code` (huggingface_hub, `hf_raise_for_status`).
    static func error(
        _ status: Int, _ headers: HTTPHeaders, repository: String, revision: String, file: String? = nil, hasToken: Bool
    ) -> any Error {
        let tokenHint =
            hasToken
            ? "The server's HF_TOKEN is not allowed to read it."
            : "Set HF_TOKEN in the server's environment to a key of an account that may read it."
        switch (status, headers.first(name: "x-error-code")) {
        case (_, "GatedRepo"), (403, _):
            return CatapultError(
                status: 403, code: "hub_gated", type: "AuthorizationError",
                message: "The hub gives \(repository) only to those who accepted its terms", field: "repository",
                hint: "Accept the terms on the model's page. \(tokenHint)")
        case (_, "RevisionNotFound"):
            return CatapultError(
                status: 404, code: "hub_revision_not_found", type: "NotFoundError", message: "\(repository) has no revision \(revision)",
                field: "revision", hint: "Name a branch, a tag or a commit.")
        case (_, "EntryNotFound"):
            return CatapultError(
                status: 404, code: "hub_file_not_found", type: "NotFoundError",
                message: "\(repository) has no file \(file ?? "") at \(revision)", hint: "The repository was changed meanwhile: try again.")
        case (401, _), (404, _):
            // The hub answers 401 for repositories that do not exist, and for private ones, so that it does not tell which.
            return CatapultError(
                status: 404, code: "hub_repository_not_found", type: "NotFoundError",
                message: "The hub has no repository \(repository), or it is private", field: "repository",
                hint: "Check the name. \(tokenHint)")
        case (429, _), (500..., _):
            let seconds = headers.first(name: "retry-after").flatMap(Int.init) ?? secondsToReset(headers.first(name: "ratelimit"))
            return Passing(
                retryAfter: seconds.map { .seconds(min(max($0, 0), 300)) },
                error: unavailable(
                    status == 429 ? "it asks to be asked less often" : "it answered with status \(status)", retryAfter: seconds ?? 30))
        default: return unavailable("it answered with status \(status)")
        }
    }

    /// The seconds until a limit is lifted: `t` of `RateLimit: "api";r=0;t=55` (hub documentation, "Rate limits").
    private static func secondsToReset(_ header: String?) -> Int? {
        header?.split(separator: ";").lazy.map { $0.trimmingCharacters(in: .whitespaces) }.first { $0.hasPrefix("t=") }
            .flatMap { Int($0.dropFirst(2)) }
    }
}

/// How often something that failed in passing is done again, and after which wait. Not shared between tasks.
final class Repeats {
    private let limit: Int
    private let base: Duration
    private var count = 0

    init(limit: Int = 5, base: Duration = .milliseconds(500)) {
        self.limit = limit
        self.base = base
    }

    /// Progress was made: the count begins anew.
    func reset() { count = 0 }

    /// Waits before the next attempt, or throws what the error means when there is none.
    func pause(after error: any Error) async throws {
        let passing: HubProblem.Passing
        switch error {
        case let error as HubProblem.Passing: passing = error
        case let error as OutgoingProblem:
            switch error {
            case .unreachable, .timedOut: passing = .init(retryAfter: nil, error: HubProblem.unavailable(error.reason))
            default: throw HubProblem.unavailable(error.reason)
            }
        case let error as OutgoingPolicy.Refusal:
            throw CatapultError.invalid(field: "repository", "The hub's address \(error.reason)", hint: error.hint)
        default: throw error
        }
        count += 1
        guard count < limit else { throw passing.error }
        // Doubled each time, with up to a quarter more or less, so that many do not come back at once.
        let wait = base * (1 << (count - 1)) * Double.random(in: 0.75...1.25)
        try await Task.sleep(for: max(passing.retryAfter ?? .zero, wait))
    }
}
