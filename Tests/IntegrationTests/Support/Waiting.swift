import Testing

/// Waits for something that no event tells of, by looking again and again; fails after a minute with what was seen last.
@discardableResult
func eventually<Value: Sendable>(
    _ what: String, sourceLocation: SourceLocation = #_sourceLocation, _ look: () async throws -> Value, until isRight: (Value) -> Bool
) async throws -> Value {
    let end = ContinuousClock.now + .seconds(60)
    while true {
        let seen = try await look()
        if isRight(seen) { return seen }
        guard ContinuousClock.now < end else {
            Issue.record("\(what): still \(seen) after 60 s", sourceLocation: sourceLocation)
            return seen
        }
        try await Task.sleep(for: .milliseconds(100))
    }
}
