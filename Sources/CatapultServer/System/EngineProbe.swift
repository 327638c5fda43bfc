import ContainerEngine

/// Whether the container engine answers.
struct EngineProbe: Sendable {
    /// How long an engine may take for a sign of life. One that lives takes milliseconds.
    static let limit = Duration.seconds(3)

    private let engine: ContainerEngine
    private let state: CachedFact<Bool>

    /// A probe whose cached answer is good for `lifetime`.
    init(engine: ContainerEngine, lifetime: Duration = .seconds(3)) {
        self.engine = engine
        state = CachedFact(lifetime: lifetime, limit: Self.limit, late: false) {
            do {
                try await engine.system.ping()
                return true
            } catch {
                return false
            }
        }
    }

    /// Whether it answered a moment ago.
    func isAnswering() async -> Bool { await state.value() }

    /// Asks now.
    ///
    /// - Throws: `ContainerEngineError` when there is no answer, or none within ``limit``.
    func require() async throws {
        do {
            try await Deadline.run(Self.limit) { [engine] in try await engine.system.ping() }
        } catch is Deadline.Exceeded {
            throw ContainerEngineError.timedOut(call: "GET /_ping", limit: Self.limit)
        }
    }
}
