import AsyncHTTPClient
import NIOCore
import NIOHTTP1

extension ContainerEngine {
    /// The calls about images.
    public struct Images: Sendable {
        let transport: EngineTransport

        /// Builds an image of a tar stream (see ``TarArchive``) with the classic builder.
        ///
        /// The context is sent as fast as the engine reads it; an error that `context` throws ends the build and is thrown here or by the stream. The
        /// stream must be iterated: it ends when the image is made, throws ``ContainerEngineError/buildFailed(message:exitCode:)`` where a step
        /// fails, and stops the build when its iteration ends early or its task is cancelled.
        public func build<Context: AsyncSequence & Sendable>(
            _ request: ImageBuildRequest, context: Context
        ) async throws -> EngineStream<ImageBuildProgress> where Context.Element == ByteBuffer {
            let call = EngineCall(
                method: .POST, path: "/build", query: try request.query(),
                body: .stream(.stream(context, length: .unknown), contentType: "application/x-tar"),
                subject: EngineCall.Subject(kind: .image, id: request.tags.first ?? ""))
            return try await transport.stream(call, parser: ImageMessageParser.build)
        }

        /// Makes an image of one layer of a tar stream of a root file system, as `docker import` does.
        ///
        /// - Parameters:
        ///   - reference: The reference to give to the image.
        ///   - changes: Dockerfile instructions such as `CMD ["/bin/sh"]`.
        /// - Returns: The image's id.
        public func importImage<RootFileSystem: AsyncSequence & Sendable>(
            _ rootFileSystem: RootFileSystem, as reference: String, changes: [String] = []
        ) async throws -> String where RootFileSystem.Element == ByteBuffer {
            let (repository, tag) = try Self.split(reference)
            let call = EngineCall(
                method: .POST, path: "/images/create",
                query: [("fromSrc", "-"), ("repo", repository), ("tag", tag)] + changes.map { ("changes", $0) },
                body: .stream(.stream(rootFileSystem, length: .unknown), contentType: "application/x-tar"),
                subject: EngineCall.Subject(kind: .image, id: reference))
            var id: String?
            for try await message in try await transport.stream(call, parser: ImageMessageParser.transfer) {
                if case .status(_, let text, _) = message, text.hasPrefix("sha256:") { id = text }
            }
            guard let id else {
                throw ContainerEngineError.unexpectedResponse(message: "The engine's import ended without an image.")
            }
            return id
        }

        /// Describes an image, by id or reference.
        public func inspect(_ image: String) async throws -> EngineImage {
            try await transport.value(call(.GET, image, "/json"))
        }

        /// The steps that made an image, newest first.
        public func history(of image: String) async throws -> [ImageHistoryStep] {
            try await transport.value(call(.GET, image, "/history"))
        }

        /// Gives an image another reference, taking that from the image that has it.
        public func tag(_ image: String, as reference: String) async throws {
            let (repository, tag) = try Self.split(reference)
            var call = try call(.POST, image, "/tag")
            call.query = [("repo", repository), ("tag", tag)]
            try await transport.perform(call)
        }

        /// Removes a reference, and the image itself with its last one; or an image by id.
        ///
        /// - Parameters:
        ///   - force: Also remove an image by id that has several references, or that a stopped container uses.
        /// - Throws: ``ContainerEngineError/notFound(kind:id:message:)``, ``ContainerEngineError/conflict(message:)`` where it is used.
        @discardableResult
        public func remove(_ image: String, force: Bool = false) async throws -> ImageRemoval {
            struct Step: Decodable, Sendable {
                var untagged: String?
                var deleted: String?
                enum CodingKeys: String, CodingKey {
                    case untagged = "Untagged"
                    case deleted = "Deleted"
                }
            }
            var call = try call(.DELETE, image, "")
            call.query = force ? [("force", "1")] : []
            let steps: [Step] = try await transport.value(call)
            return ImageRemoval(untagged: steps.compactMap(\.untagged), deleted: steps.compactMap(\.deleted))
        }

        /// Lists the images that match every filter.
        ///
        /// - Parameters:
        ///   - references: Patterns such as `name:*`; an image matches where one of its references matches one of them.
        ///   - labels: Labels to have; an empty value asks only for the key.
        ///   - dangling: Only those without (true) or with (false) a reference; nil is both.
        public func list(
            references: [String] = [], labels: [String: String] = [:], dangling: Bool? = nil
        ) async throws -> [ImageSummary] {
            let filters = [
                "reference": references, "label": EngineFilters.labels(labels), "dangling": dangling.map { ["\($0)"] } ?? [],
            ]
            return try await transport.value(
                EngineCall(
                    method: .GET, path: "/images/json", query: try EngineCall.filters(filters),
                    subject: EngineCall.Subject(kind: .image, id: "")))
        }

        private func call(_ method: HTTPMethod, _ image: String, _ suffix: String) throws(ContainerEngineError) -> EngineCall {
            EngineCall(
                method: method, path: "/images/\(PercentEncoding.path(try References.image(image)))\(suffix)",
                subject: EngineCall.Subject(kind: .image, id: image))
        }

        /// Splits `host:5000/name:tag` into name and tag; the tag is `latest` where there is none.
        static func split(_ reference: String) throws(ContainerEngineError) -> (repository: String, tag: String) {
            let valid = try References.image(reference)
            guard !valid.contains("@") else {
                throw .invalidArgument(name: "reference", reason: "a digest cannot be given to an image, only a tag")
            }
            let nameStart = valid.lastIndex(of: "/") ?? valid.startIndex
            guard let colon = valid[nameStart...].lastIndex(of: ":") else { return (valid, "latest") }
            let tag = String(valid[valid.index(after: colon)...])
            guard !tag.isEmpty else { throw .invalidArgument(name: "reference", reason: "nothing follows the colon of the tag") }
            return (String(valid[..<colon]), tag)
        }
    }
}
