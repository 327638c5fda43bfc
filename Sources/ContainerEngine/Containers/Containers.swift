import NIOCore
import NIOHTTP1

extension ContainerEngine {
    /// The calls about containers. A container is named by its id, an unambiguous beginning of it, or its name.
    ///
    /// All throw ``ContainerEngineError/notFound(kind:id:message:)`` for a container that does not exist.
    public struct Containers: Sendable {
        let transport: EngineTransport

        /// What ``wait(for:condition:)`` waits for.
        public enum WaitCondition: String, Sendable, Hashable, CaseIterable {
            /// That it does not run; met at once by one that has ended or never ran.
            case notRunning = "not-running"
            /// That it ends the next time.
            case nextExit = "next-exit"
            /// That it is removed.
            case removed
        }

        /// Makes a container, without starting it.
        ///
        /// - Parameters:
        ///   - name: The name, unique on the engine; nil lets the engine choose one.
        /// - Throws: ``ContainerEngineError/notFound(kind:id:message:)`` for the image, ``ContainerEngineError/conflict(message:)`` where the name is
        ///   taken.
        public func create(_ specification: ContainerSpecification, name: String? = nil) async throws -> CreatedContainer {
            _ = try References.image(specification.image)
            let body = try EngineJSON.encode(ContainerCreateBody(specification))
            let query = try name.map { [("name", try References.container($0))] } ?? []
            return try await transport.value(
                EngineCall(
                    method: .POST, path: "/containers/create", query: query, body: .json(body),
                    subject: EngineCall.Subject(kind: .image, id: specification.image)))
        }

        /// Starts a container; does nothing where it runs.
        ///
        /// - Throws: ``ContainerEngineError/portAlreadyAllocated(port:message:)``, ``ContainerEngineError/gpuUnavailable(message:)``. The container then
        ///   still exists.
        public func start(_ container: String) async throws {
            try await transport.perform(call(.POST, container, "/start"))
        }

        /// Asks a container to stop, and kills it after a grace period; does nothing where it is stopped.
        ///
        /// - Parameters:
        ///   - gracePeriod: Whole seconds, rounded up; nil is the container's own, or 10 seconds.
        public func stop(_ container: String, gracePeriod: Duration? = nil) async throws {
            try await transport.perform(try stopping(container, "/stop", gracePeriod))
        }

        /// Stops and starts a container.
        public func restart(_ container: String, gracePeriod: Duration? = nil) async throws {
            try await transport.perform(try stopping(container, "/restart", gracePeriod))
        }

        /// Sends a signal to the main process.
        ///
        /// - Throws: ``ContainerEngineError/conflict(message:)`` where it does not run.
        public func kill(_ container: String, signal: String = "SIGKILL") async throws {
            var call = try call(.POST, container, "/kill")
            call.query = [("signal", signal)]
            try await transport.perform(call)
        }

        /// Removes a container.
        ///
        /// - Parameters:
        ///   - force: Kill it first where it runs.
        ///   - volumes: Also remove its volumes that have no name.
        /// - Throws: ``ContainerEngineError/conflict(message:)`` where it runs and `force` is false, or its removal is under way.
        public func remove(_ container: String, force: Bool = false, volumes: Bool = false) async throws {
            var call = try call(.DELETE, container, "")
            call.query = [("force", force ? "1" : "0"), ("v", volumes ? "1" : "0")]
            try await transport.perform(call)
        }

        /// Describes a container.
        public func inspect(_ container: String) async throws -> ContainerInspection {
            try await transport.value(call(.GET, container, "/json"))
        }

        /// Lists containers that match every filter, newest first.
        ///
        /// - Parameters:
        ///   - all: Also those that do not run.
        ///   - labels: Labels to have; an empty value asks only for the key.
        ///   - names: Names of which one must match, as regular expressions; `^/name$` is an exact one.
        ///   - statuses: What they are doing.
        public func list(
            all: Bool = true, labels: [String: String] = [:], names: [String] = [], statuses: Set<ContainerStatus> = []
        ) async throws -> [ContainerSummary] {
            let filters = [
                "label": EngineFilters.labels(labels), "name": names, "status": statuses.map(\.rawValue).sorted(),
            ]
            return try await transport.value(
                EngineCall(
                    method: .GET, path: "/containers/json", query: [("all", all ? "1" : "0")] + (try EngineCall.filters(filters)),
                    subject: EngineCall.Subject(kind: .container, id: "")))
        }

        /// Reads a container's log, also that of one that has ended.
        ///
        /// Lines come in the order in which the engine received them. With ``LogOptions/follow`` the stream ends when the container does; engines
        /// may then leave out a last line that has no line end, which a later read without following gives.
        public func logs(of container: String, _ options: LogOptions = LogOptions()) async throws -> EngineStream<LogLine> {
            var call = try call(.GET, container, "/logs")
            call.query = try options.query()
            // The format depends on the container, and engines before API 1.42 do not say which it is.
            let framing: LogDemultiplexer.Framing = try await inspect(container).hasTerminal ? .raw : .multiplexed
            let parser = LogDemultiplexer(
                framing: framing, hasTimestamps: options.timestamps, maximumLineBytes: options.maximumLineBytes)
            return try await transport.stream(call, parser: parser)
        }

        /// Reads the last lines of a container's log, both streams in the order of time.
        ///
        /// - Parameters:
        ///   - count: The most lines.
        public func lastLogLines(of container: String, count: Int) async throws -> [LogLine] {
            var lines: [LogLine] = []
            for try await line in try await logs(of: container, LogOptions(tail: count)) { lines.append(line) }
            return LogLine.inTimeOrder(lines)
        }

        /// What a container uses right now; nil where it does not run.
        public func statistics(of container: String) async throws -> ContainerStatistics? {
            var call = try call(.GET, container, "/stats")
            call.query = [("stream", "0"), ("one-shot", "1")]
            let answer: ContainerStatisticsAnswer = try await transport.value(call)
            return answer.statistics
        }

        /// Waits, without a time limit, until a container ends.
        public func wait(for container: String, condition: WaitCondition = .notRunning) async throws -> ContainerExit {
            var call = try call(.POST, container, "/wait")
            call.query = [("condition", condition.rawValue)]
            return try await transport.eventually(call)
        }

        private func call(_ method: HTTPMethod, _ container: String, _ suffix: String) throws(ContainerEngineError) -> EngineCall {
            EngineCall(
                method: method, path: "/containers/\(try References.container(container))\(suffix)",
                subject: EngineCall.Subject(kind: .container, id: container))
        }

        private func stopping(_ container: String, _ suffix: String, _ gracePeriod: Duration?) throws(ContainerEngineError) -> EngineCall {
            var call = try call(.POST, container, suffix)
            if let gracePeriod {
                guard gracePeriod >= .zero else { throw .invalidArgument(name: "gracePeriod", reason: "it must not be negative") }
                call.query = [("t", "\(gracePeriod.wholeSeconds)")]
                call.extraTime = .seconds(gracePeriod.wholeSeconds)
            } else {
                // The container's own period is not known here; this is longer than any sensible one.
                call.extraTime = .seconds(600)
            }
            return call
        }
    }
}
