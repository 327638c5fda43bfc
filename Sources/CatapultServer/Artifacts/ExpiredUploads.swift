import CatapultAPI
import Logging
import SQLDatabase
import ServiceLifecycle

/// Removes uploads that nobody went on with, when their time is over.
struct ExpiredUploads: Service {
    private static let interval = Duration.seconds(3_600)

    let database: Database
    let blobs: BlobStore
    let logger: Logger

    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    let expired = try await database.read { try UploadStore.expired(limit: 1_000, in: $0) }
                    if !expired.isEmpty { try await GarbageOperation.remove(expired, blobs, database) }
                } catch is CancellationError {
                    return
                } catch {
                    logger.warning("cannot remove expired uploads", metadata: ["error": "\(error)"])
                }
                try await Task.sleep(for: Self.interval)
            }
        }
    }
}
