import CatapultAPI
import Logging
import SQLDatabase
import ServiceLifecycle

/// Keeps the store tidy by itself: removes uploads that nobody went on with and files that a crash left half written, and asks for a
/// collection of garbage once a day. Of several servers on one database whichever comes first asks.
struct StoreKeeper: Service {
    private static let interval = Duration.seconds(3_600)
    private static let collectionInterval = Duration.seconds(24 * 3_600)
    /// A file without a writer may be so young that its writer has not locked it yet.
    private static let youngest = Duration.seconds(60)

    let database: Database
    let blobs: BlobStore
    let wake: @Sendable (OperationKind) -> Void
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            await attempt { try await tidy() }
            while (try? await Task.sleep(for: Self.interval)) != nil {
                await attempt { try await tidy() }
                await attempt { try await askForCollection() }
            }
        }
    }

    private func attempt(_ work: () async throws -> Void) async {
        do {
            try await work()
        } catch is CancellationError {
            return
        } catch {
            logger.warning("cannot tidy the store", metadata: ["error": "\(error)"])
        }
    }

    /// Removes expired uploads, and what was being received when a server ended.
    func tidy() async throws {
        let expired = try await database.read { try UploadStore.expired(limit: 1_000, in: $0) }
        if !expired.isEmpty { try await GarbageOperation.remove(expired, blobs, database) }
        let moment = Timestamp.now + (.zero - Self.youngest)
        let removed = try await HashingPool.background.run { [folders = blobs.folders] in
            StoreSweep.removeAbandoned(in: folders, changedBefore: moment)
        }
        if removed > 0 { logger.info("removed files that were left half written", metadata: ["files": "\(removed)"]) }
    }

    /// Queues a collection unless there was one lately.
    func askForCollection() async throws {
        let moment = Timestamp.now + (.zero - Self.collectionInterval)
        let isDue = try await database.write { connection in
            guard
                try !connection.exists(
                    "SELECT 1 FROM operations WHERE kind = \(OperationKind.gc) AND (created_at > \(moment) OR state IN ('pending', 'running'))"
                )
            else { return false }
            try OperationStore.insert(
                id: Identifier.make(), kind: .gc, subject: .storage, subjectID: "storage", input: GarbageOperation.Input(),
                message: "waiting for a worker", parentID: nil, createdBy: nil, in: connection)
            return true
        }
        if isDue { wake(.gc) }
    }
}
