import Catapult
import CatapultAPI

extension Session {
    /// How many lines of a log are shown beside a failure.
    private static let shownLogLines = 15

    /// Follows an operation to its end with progress on standard error. Leaving early leaves the operation running and says how to go on.
    ///
    /// - Parameters:
    ///   - id: UUID of the operation.
    ///   - client: the server's client.
    ///   - timeout: how long to wait; nil waits for ever.
    ///   - deployment: the deployment whose last lines explain a failure.
    /// - Throws: `Complaint`: failed, interrupted, or out of time.
    @discardableResult
    func follow(_ id: String, with client: CatapultClient, timeout: Duration? = nil, deployment: String? = nil) async throws -> Operation {
        let line = ProgressLine(self)
        defer { line.clear() }
        do {
            return try await Self.within(timeout) {
                try await client.waitForOperation(id) { operation in
                    guard operation.state != .failed else { return }
                    let label = operation.message.isEmpty ? "\(operation.kind.rawValue) \(operation.state.rawValue)" : operation.message
                    line.show(ProgressBar(label: label, fraction: operation.progress), step: label)
                }
            }
        } catch let failure as OperationFailure {
            line.clear()
            await showLastLines(of: failure.operation, deployment: deployment, with: client)
            throw Complaint(failure)
        } catch is CancellationError {
            throw Complaint(.interrupted, "interrupted; operation \(id) goes on", hint: Self.wayBack(to: id))
        } catch is OutOfTime {
            throw Complaint(
                .failure, "stopped waiting after \(timeout.map { "\($0)" } ?? ""); operation \(id) goes on", hint: Self.wayBack(to: id))
        }
    }

    private static func wayBack(to id: String) -> String {
        "Follow it with `mcp operation follow \(id)`, or cancel it with `mcp operation cancel \(id)`."
    }

    /// What the operation and the replicas printed last; that they cannot be had must not hide the failure itself.
    private func showLastLines(of operation: Operation, deployment: String?, with client: CatapultClient) async {
        var logs = [("last lines of the operation", try? await client.send(GetOperationLogs(operationID: operation.id)).logs)]
        if let deployment {
            let tail = Self.shownLogLines
            logs.append(
                ("last lines of the replicas", try? await client.send(GetDeploymentLogs(deploymentID: deployment, tail: tail)).logs))
        }
        for case (let title, let text?) in logs where !text.isEmpty {
            output.note("\(title):", .dim)
            for line in text.split(separator: "\n").suffix(Self.shownLogLines) { output.note("  " + SafeText.line(String(line))) }
        }
    }

    private struct OutOfTime: Error {}

    private static func within<Result: Sendable>(
        _ limit: Duration?, _ work: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        guard let limit else { return try await work() }
        return try await withThrowingTaskGroup(of: Result.self) { group in
            group.addTask { try await work() }
            group.addTask {
                try await Task.sleep(for: limit)
                throw OutOfTime()
            }
            defer { group.cancelAll() }
            guard let result = try await group.next() else { throw CancellationError() }
            return result
        }
    }
}
