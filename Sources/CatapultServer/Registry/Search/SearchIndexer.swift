import CatapultAPI
import Logging
import SQLDatabase
import ServiceLifecycle

/// Keeps the index true. Triggers note whatever changes in `search_queue`; the transaction that changed it indexes it before it
/// commits, so a search right after a write finds what was written. What is more than one transaction should carry (a model with
/// thousands of versions is deleted, an older database is opened) is left to ``run()``.
struct SearchIndexer: Service {
    let database: Database
    let signals: ChangeSignals
    let logger: Logger

    /// Things that a transaction indexes by itself at most, beyond those it changed: a matter of milliseconds.
    private static let mostPerWrite = 1_000
    private static let batch = 100
    /// After so many transactions of a backlog the index is another than PostgreSQL knows.
    private static let manyTransactions = 10
    private static let backlog = "search-backlog"
    /// Told when the background work has caught up.
    static let idle = "search-idle"

    /// The last step of every write: indexes what it changed.
    static func finish(_ signals: ChangeSignals) -> @Sendable (any SQLConnection) throws -> Void {
        { connection in
            if try !drain(in: connection) { signals.notify(backlog) }
        }
    }

    /// Indexes what is queued, newest first; false where something is left.
    static func drain(in connection: any SQLConnection) throws -> Bool {
        var count = 0
        while count < mostPerWrite {
            let entries = try connection.fetchAll(
                "SELECT id, kind FROM search_queue ORDER BY id DESC, kind DESC LIMIT \(batch)"
            ) { row in (id: try row.get(0) as String, kind: try row.get(1) as SearchIndex.Kind) }
            guard !entries.isEmpty else { return true }
            for kind in SearchIndex.Kind.allCases {
                let ids = entries.filter { $0.kind == kind }.map(\.id)
                guard !ids.isEmpty else { continue }
                try index(kind, ids, in: connection)
                try connection.execute("DELETE FROM search_queue WHERE kind = \(kind) AND id IN \(list: ids)")
            }
            if entries.count < batch { return true }
            count += entries.count
        }
        return false
    }

    private static func index(_ kind: SearchIndex.Kind, _ ids: [String], in connection: any SQLConnection) throws {
        let known = try SearchIndex.postings(kind, ids, in: connection)
        let documents = try SearchSource.records(kind, ids, in: connection).map(SearchDocument.init)
        try SearchIndex.replace(kind, known: known, with: documents, in: connection)
    }

    /// Indexes what single transactions left over, a batch for each, until the server stops.
    func run() async throws {
        await cancelWhenGracefulShutdown {
            let changes = signals.subscribe(Self.backlog)
            var iterator = changes.makeAsyncIterator()
            repeat { await work() } while await iterator.next() != nil
        }
    }

    /// Has PostgreSQL look at the index now and not when autovacuum comes by: until then it would read tables from end to end.
    private static func gatherStatistics(_ connection: any SQLConnection) throws {
        if connection.dialect == .postgresql { try connection.executeScript("ANALYZE search_documents; ANALYZE search_postings") }
    }

    private func work() async {
        do {
            var isDone = false
            var transactions = 0
            while !isDone, !Task.isCancelled {
                isDone = try await database.write { try Self.drain(in: $0) }
                transactions += 1
            }
            if transactions > Self.manyTransactions { try await database.write(Self.gatherStatistics) }
            if isDone { signals.notify(Self.idle) }
        } catch is CancellationError {
        } catch {
            logger.error("the search index is behind", metadata: ["error": "\(error)"])
        }
    }
}
