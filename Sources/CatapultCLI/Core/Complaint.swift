import ArgumentParser
import Catapult
import CatapultAPI
import LoadTesting
import _NIOFileSystem

/// An error as the command line shows it: one line, the next step, an exit status.
struct Complaint: Error, Equatable {
    var status: ToolStatus
    var message: String
    var hint: String?
    /// What a program gets to read on standard error with `--format json`; made from the message where it is nil.
    var body: JSONValue?

    init(_ status: ToolStatus, _ message: String, hint: String? = nil, body: JSONValue? = nil) {
        self.status = status
        self.message = message
        self.hint = hint
        self.body = body
    }

    /// The error as one JSON object, in the shape of the API's errors.
    var json: JSONValue {
        var members = body?.objectValue ?? ["detail": .string(message), "code": .string("\(status)")]
        if let hint { members["hint"] = .string(hint) }
        members["exit_code"] = .int(Int64(status.rawValue))
        return .object(members)
    }

    /// The error as lines for people. Line breaks and control characters of foreign text do not get through.
    func lines(_ style: Style) -> [String] {
        // Who pressed Ctrl-C knows it; only what goes on is news.
        if status == .interrupted, hint == nil { return [] }
        var lines = [style.paint("error:", .bad) + " " + SafeText.line(message)]
        if let hint { lines.append(style.paint("hint:", .busy) + " " + SafeText.line(hint)) }
        return lines
    }
}

extension Complaint {
    /// What any error that comes out of a command means.
    init(_ error: any Error) {
        switch error {
        case let complaint as Complaint: self = complaint
        case let error as CatapultError:
            self.init(ToolStatus(httpStatus: error.status), error.message, hint: error.hint ?? Self.retryHint(error), body: error.body())
        case let error as ConnectionError: self.init(.unavailable, error.description, hint: error.hint)
        case let error as AnswerError: self.init(.failure, error.description, hint: error.hint)
        case let error as FileChanged: self.init(.conflict, error.description, hint: error.hint)
        case let error as DownloadMismatch: self.init(.conflict, error.description, hint: error.hint)
        case let error as OperationFailure: self.init(.operationFailed, error.description, hint: error.hint, body: error.operation.error)
        case let error as ConfigurationError: self.init(.usage, error.description, hint: error.hint)
        case let error as LoadTest.PlanError: self.init(.usage, error.description)
        case let error as ValidationError: self.init(.usage, error.message)
        case let error as FileSystemError: self.init(error.code == .notFound ? .notFound : .failure, error.message)
        case is CancellationError: self.init(.interrupted, "interrupted")
        default: self.init(.failure, "\(error)")
        }
    }

    private static func retryHint(_ error: CatapultError) -> String? {
        error.retryAfter.map { "Try again in \($0) s." }
    }
}

extension ToolStatus {
    /// What a status of the server means to a script.
    init(httpStatus: Int) {
        switch httpStatus {
        case 401, 403: self = .notPermitted
        case 404, 410: self = .notFound
        case 400, 405, 409, 412, 413, 422: self = .conflict
        case 429, 502, 503, 504, 507: self = .unavailable
        default: self = .failure
        }
    }
}
