import NIOCore

/// What a build says while it runs. A failed step is not in here: the stream then throws ``ContainerEngineError/buildFailed(message:exitCode:)``.
public enum ImageBuildProgress: Sendable, Hashable {
    /// A piece of the builder's or of a step's output, with its line ends.
    case output(String)
    /// The progress of a transfer, such as the pull of a base image's layer. `progress` is a drawn bar.
    case status(id: String?, text: String, progress: String?)
    /// The id of the finished image (`sha256:…`); comes once, near the end.
    case image(id: String)
}

/// Reads the JSON messages of builds and imports.
struct ImageMessageParser: StreamParser {
    private enum Purpose: Sendable { case build, transfer }

    private struct Message: Decodable {
        struct Failure: Decodable {
            var code: Int?
            var message: String?
        }
        struct Auxiliary: Decodable {
            var id: String?
            enum CodingKeys: String, CodingKey { case id = "ID" }
        }
        var stream: String?
        var status: String?
        var id: String?
        var progress: String?
        var aux: Auxiliary?
        var error: String?
        var errorDetail: Failure?
    }

    private let purpose: Purpose
    private var splitter = JSONObjectSplitter()
    private var hasImage = false

    /// A parser for the messages of a build, which must end with an image.
    static let build = ImageMessageParser(purpose: .build)
    /// A parser for the messages of an import.
    static let transfer = ImageMessageParser(purpose: .transfer)

    private init(purpose: Purpose) {
        self.purpose = purpose
    }

    mutating func consume(_ bytes: ByteBuffer) throws -> [ImageBuildProgress] {
        var progress: [ImageBuildProgress] = []
        for object in try splitter.consume(bytes) {
            let message = try EngineJSON.decode(Message.self, from: object, call: "an image build or import")
            if let failure = message.errorDetail?.message ?? message.error {
                throw error(failure, code: message.errorDetail?.code)
            }
            if let text = message.stream { progress.append(.output(text)) }
            if let text = message.status { progress.append(.status(id: message.id, text: text, progress: message.progress)) }
            if let id = message.aux?.id {
                hasImage = true
                progress.append(.image(id: id))
            }
        }
        return progress
    }

    mutating func finish() throws -> [ImageBuildProgress] {
        try splitter.finish()
        guard hasImage || purpose == .transfer else {
            throw ContainerEngineError.unexpectedResponse(message: "The engine's build ended without an image.")
        }
        return []
    }

    private func error(_ message: String, code: Int?) -> ContainerEngineError {
        if let known = ErrorMapping.knownCause(of: message) { return known }
        switch purpose {
        case .build: return .buildFailed(message: message, exitCode: code == 0 ? nil : code)
        case .transfer: return .serverError(status: 500, message: message)
        }
    }
}
