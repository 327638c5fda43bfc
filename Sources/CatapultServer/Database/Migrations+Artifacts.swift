import SQLDatabase

extension Migrations {
    /// Content-addressed blobs, artifacts and uploads.
    static let artifacts = Migration(number: 7, name: "artifacts", statements: [])
}
