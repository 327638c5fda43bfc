import CatapultAPI
import SQLDatabase

/// Bytes that are known by their digest.
struct Blob: Sendable, Equatable {
    var sha256: String
    var sizeBytes: Int64
}

/// A file beneath the storage root that was seen to hold a blob's bytes.
struct BlobPlace: Sendable, Equatable {
    /// What the file is to the server.
    enum Kind: String, Sendable {
        /// The store's own.
        case store
        /// Somebody else's, registered where it lies; never removed.
        case inPlace = "in_place"
        /// Put into a version's folder by the server, as a link to the store's file or a copy of it.
        case link
    }

    /// Path beneath the root.
    var path: String
    var sha256: String
    var kind: Kind
    var facts: FileFacts
    /// What was found wrong with it.
    var problem: String?
    var verifiedAt: Timestamp
}

/// The SQL of blobs and their places.
enum BlobTable {
    private static let placeSelection: SQLQuery = """
        SELECT p.path, p.sha256, p.kind, b.size_bytes, p.modified_ns, p.inode, p.problem, p.verified_at
        FROM blob_places p JOIN blobs b ON b.sha256 = p.sha256
        """

    private static func place(_ row: SQLRow) throws -> BlobPlace {
        var column = row.cursor()
        return BlobPlace(
            path: try column.next(), sha256: try column.next(), kind: try column.next(),
            facts: FileFacts(size: try column.next(), modifiedNanoseconds: try column.next(), inode: try column.next()),
            problem: try column.next(), verifiedAt: try column.next())
    }

    static func find(_ sha256: String, in connection: any SQLConnection) throws -> Blob? {
        try connection.fetchFirst("SELECT sha256, size_bytes FROM blobs WHERE sha256 = \(sha256)") { row in
            Blob(sha256: try row.get(0), sizeBytes: try row.get(1))
        }
    }

    /// The places of a blob, those in the store first.
    static func places(of sha256: String, in connection: any SQLConnection) throws -> [BlobPlace] {
        try connection.fetchAll("\(placeSelection) WHERE p.sha256 = \(sha256) ORDER BY p.kind DESC, p.path", place)
    }

    static func place(at path: String, in connection: any SQLConnection) throws -> BlobPlace? {
        try connection.fetchFirst("\(placeSelection) WHERE p.path = \(path)", place)
    }

    /// Places in the order of their paths, after one, for walks over all of them.
    static func places(after path: String, limit: Int, in connection: any SQLConnection) throws -> [BlobPlace] {
        try connection.fetchAll("\(placeSelection) WHERE p.path > \(path) ORDER BY p.path LIMIT \(limit)", place)
    }

    /// Notes a place, and the blob where it is new. What the path held before is forgotten.
    static func record(_ place: BlobPlace, in connection: any SQLConnection) throws {
        let now = Timestamp.now
        try connection.execute(
            """
            INSERT INTO blobs (sha256, size_bytes, created_at, unreferenced_at) VALUES (\(place.sha256), \(place.facts.size), \(now), \(now))
            ON CONFLICT (sha256) DO NOTHING
            """)
        try connection.execute(
            """
            INSERT INTO blob_places (path, sha256, kind, modified_ns, inode, problem, created_at, verified_at)
            VALUES (\(place.path), \(place.sha256), \(place.kind), \(place.facts.modifiedNanoseconds), \(place.facts.inode), NULL, \(now),
                \(place.verifiedAt))
            ON CONFLICT (path) DO UPDATE SET sha256 = excluded.sha256, kind = excluded.kind, modified_ns = excluded.modified_ns,
                inode = excluded.inode, problem = NULL, verified_at = excluded.verified_at
            """)
    }

    /// Notes that something refers to a blob; false where there is none. In the transaction that makes the reference: collecting garbage
    /// looks for references in the same transaction that takes the blob away.
    ///
    /// - Parameter name: what refers to it, for the report of a later collection.
    static func reference(_ sha256: String, by name: String, in connection: any SQLConnection) throws -> Bool {
        try connection.execute(
            "UPDATE blobs SET unreferenced_at = NULL, last_reference = \(name) WHERE sha256 = \(sha256)") > 0
    }

    /// Lets the grace time of a blob begin anew: somebody has its bytes and is about to refer to it. False where there is none.
    static func touch(_ sha256: String, in connection: any SQLConnection) throws -> Bool {
        try connection.execute(
            """
            UPDATE blobs SET unreferenced_at = CASE WHEN unreferenced_at IS NULL THEN NULL ELSE \(Timestamp.now) END WHERE sha256 = \(sha256)
            """) > 0
    }

    static func setProblem(_ problem: String?, at path: String, in connection: any SQLConnection) throws {
        try connection.execute("UPDATE blob_places SET problem = \(problem) WHERE path = \(path)")
    }

    static func removePlace(at path: String, in connection: any SQLConnection) throws {
        try connection.execute("DELETE FROM blob_places WHERE path = \(path)")
    }
}
