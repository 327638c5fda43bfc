import CatapultAPI
import SQLDatabase

/// The SQL of collecting garbage.
enum GarbageStore {
    /// A blob that nothing refers to.
    struct Unreferenced: Sendable {
        var sha256: String
        var sizeBytes: Int64
        var since: Timestamp?
        var lastReference: String?
    }

    /// True where something refers to the blob `b`: a version's list, whether or not the file has arrived; an artifact, also a deleted one as
    /// long as it is kept; an upload that waits to be completed.
    private static let isReferenced: SQLQuery = """
        (EXISTS (SELECT 1 FROM version_files f WHERE f.sha256 = b.sha256) OR EXISTS (SELECT 1 FROM artifacts a WHERE a.sha256 = b.sha256)
            OR EXISTS (SELECT 1 FROM uploads u WHERE u.sha256 = b.sha256 AND u.state = 'open'))
        """

    /// Looks at the next blobs in the order of their digests: notes since when nothing refers to them, and takes the note away where something
    /// does again.
    ///
    /// - Returns: the last digest that was looked at; nil at the end.
    static func mark(after digest: String, limit: Int, in connection: any SQLConnection) throws -> String? {
        let last = try connection.fetchColumn(
            "SELECT sha256 FROM blobs WHERE sha256 > \(digest) ORDER BY sha256 LIMIT \(limit)", as: String.self
        ).last
        guard let last else { return nil }
        let range: SQLQuery = "b.sha256 > \(digest) AND b.sha256 <= \(last)"
        try connection.execute(
            """
            UPDATE blobs SET unreferenced_at = \(Timestamp.now)
            WHERE sha256 IN (SELECT b.sha256 FROM blobs b WHERE \(range) AND b.unreferenced_at IS NULL AND NOT \(isReferenced))
            """)
        try connection.execute(
            """
            UPDATE blobs SET unreferenced_at = NULL
            WHERE sha256 IN (SELECT b.sha256 FROM blobs b WHERE \(range) AND b.unreferenced_at IS NOT NULL AND \(isReferenced))
            """)
        return last
    }

    /// Blobs that nothing has referred to since a moment, by digest. `includingUnmarked` also gives those that no collection has noted yet.
    static func unreferenced(
        since moment: Timestamp, includingUnmarked: Bool, after digest: String, limit: Int, in connection: any SQLConnection
    ) throws -> [Unreferenced] {
        let age: SQLQuery =
            includingUnmarked
            ? "(b.unreferenced_at IS NULL OR b.unreferenced_at <= \(moment))" : "b.unreferenced_at <= \(moment)"
        return try connection.fetchAll(
            """
            SELECT b.sha256, b.size_bytes, b.unreferenced_at, b.last_reference FROM blobs b
            WHERE b.sha256 > \(digest) AND \(age) AND NOT \(isReferenced) ORDER BY b.sha256 LIMIT \(limit)
            """
        ) { row in
            Unreferenced(
                sha256: try row.get(0), sizeBytes: try row.get(1), since: try row.get(2), lastReference: try row.get(3))
        }
    }

    /// Takes a blob's rows away if nothing refers to it still; its places then, else nil. Their files are to be removed afterwards: a crash
    /// between leaves files without rows, which the next collection finds.
    static func remove(_ sha256: String, since moment: Timestamp, in connection: any SQLConnection) throws -> [BlobPlace]? {
        let isGone = try connection.exists(
            "SELECT 1 FROM blobs b WHERE b.sha256 = \(sha256) AND b.unreferenced_at <= \(moment) AND NOT \(isReferenced)")
        guard isGone else { return nil }
        let places = try BlobTable.places(of: sha256, in: connection)
        try connection.execute("DELETE FROM blobs WHERE sha256 = \(sha256)")
        return places
    }

    /// Artifacts that were deleted before a moment.
    static func deletedArtifacts(
        before moment: Timestamp, limit: Int, in connection: any SQLConnection
    ) throws -> [(id: String, name: String, sizeBytes: Int64, deletedAt: Timestamp)] {
        try connection.fetchAll(
            "SELECT id, name, size_bytes, deleted_at FROM artifacts WHERE deleted_at <= \(moment) ORDER BY deleted_at LIMIT \(limit)"
        ) { (try $0.get(0), try $0.get(1), try $0.get(2), try $0.get(3)) }
    }

    static func removeArtifacts(_ ids: [String], in connection: any SQLConnection) throws {
        try connection.execute("DELETE FROM artifacts WHERE id IN \(list: ids)")
    }

    /// Which of some paths are places of blobs.
    static func known(_ paths: [String], in connection: any SQLConnection) throws -> Set<String> {
        Set(try connection.fetchColumn("SELECT path FROM blob_places WHERE path IN \(list: paths)", as: String.self))
    }
}
