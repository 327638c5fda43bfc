import CatapultAPI
import NIOConcurrencyHelpers
import SQLDatabase

/// Reads stored bytes again, and notes what is not as it was: flipped bits, missing files, files that were changed in place.
///
/// It may be begun again at any time: each file's outcome is written when it is known, and files that were read in an earlier attempt are only
/// read once more.
struct VerifyOperation: OperationHandler {
    static let kind = OperationKind.verify
    let concurrency = 1

    /// What is to be read; everything where nothing is chosen.
    struct Input: Codable, Sendable {
        var modelID: String?
        var versionID: String?
        var artifactID: String?
        var sha256: String?
        var olderThanHours: Int?
        var bytesPerSecond: Int64?
    }

    /// Most bad files that the result lists.
    private static let longestReport = 1_000

    let database: Database
    let blobs: BlobStore

    func run(_ run: OperationRun) async throws -> JSONValue {
        let input: Input = try await run.input()
        let targets = try await database.read { try VerifyTarget.all(input, in: $0) }
        let total = targets.reduce(0) { $0 + $1.sizeBytes }
        run.log.append("-- \(targets.count) files with \(ByteCount.text(total)) are to be read\n")
        let tally = NIOLockedValueBox(Tally(rate: BandwidthLimit(perSecond: input.bytesPerSecond)))
        try await withThrowingTaskGroup(of: Void.self) { group in
            var rest = targets.makeIterator()
            for _ in 0..<HashingPool.width {
                if let target = rest.next() { group.addTask { try await self.check(target, tally, total, run) } }
            }
            while try await group.next() != nil {
                if let target = rest.next() { group.addTask { try await self.check(target, tally, total, run) } }
            }
        }
        return tally.withLockedValue { $0.result(limit: Self.longestReport) }
    }

    func finish(_ operation: Operation, _ outcome: OperationOutcome, in connection: any SQLConnection) throws {}

    private struct Tally: Sendable {
        var rate: BandwidthLimit
        var files = 0
        var bytes: Int64 = 0
        var reported: Int64 = 0
        var bad: [JSONValue] = []
        var badCount = 0

        func result(limit: Int) -> JSONValue {
            ["checked_files": .int(Int64(files)), "checked_bytes": .int(bytes), "bad_files": .int(Int64(badCount)), "bad": .array(bad)]
        }
    }

    private func check(_ target: VerifyTarget, _ tally: NIOLockedValueBox<Tally>, _ total: Int64, _ run: OperationRun) async throws {
        let problem = try await problem(of: target) { count in
            let (until, share) = tally.withLockedValue { tally in
                tally.bytes += count
                let isDue = tally.bytes - tally.reported >= max(64 << 20, total / 200)
                if isDue { tally.reported = tally.bytes }
                return (tally.rate.count(count, at: .now), isDue ? Double(tally.bytes) / Double(max(total, 1)) : nil)
            }
            if let share { try await run.progress(share, "reading \(target.path)") }
            if until > .now { try await Task.sleep(until: until) }
        }
        try await run.write { try target.note(problem, in: $0) }
        tally.withLockedValue { tally in
            tally.files += 1
            guard let problem else { return }
            tally.badCount += 1
            if tally.bad.count < Self.longestReport {
                tally.bad.append([
                    "path": .string(target.path), "sha256": .string(target.sha256), "problem": .string(problem),
                    "used_by": .array(target.users.map(JSONValue.string)),
                ])
            }
        }
        if let problem { run.log.append("BAD \(target.path): the file \(problem)\n") }
    }

    /// What is wrong with a file; nil when it has its bytes.
    private func problem(of target: VerifyTarget, onSlice: (Int64) async throws -> Void) async throws -> String? {
        do {
            let file = try await blobs.open(path: target.path)
            guard file.facts.size == target.sizeBytes else {
                return "has \(file.facts.size) bytes instead of \(target.sizeBytes)"
            }
            let digest = try await HashingPool.background.digest(of: file, length: file.facts.size, onSlice: onSlice)
            guard digest == target.sha256 else { return "has the SHA-256 \(digest) instead of \(target.sha256)" }
            if !file.isUnchanged { return "was changed while it was read" }
            target.seen(file.facts)
            return nil
        } catch let problem as FileProblem where problem != .noSpace {
            return problem.reason
        }
    }
}
