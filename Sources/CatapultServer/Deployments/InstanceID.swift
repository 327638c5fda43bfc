import Glibc
import SQLDatabase

/// The id of a data directory. It marks the containers that belong to it, so that two servers on one engine leave each other's alone.
enum InstanceID {
    /// The id of a server: that of its data directory, or where several servers share a database, the database's, so that whichever leads
    /// finds the containers of the one before.
    static func load(dataDirectory: String, database: Database) async throws -> String {
        let own = try load(dataDirectory: dataDirectory)
        guard database.dialect == .postgresql else { return own }
        return try await database.write { try LeaseStore.setting("instance", orElse: own, in: $0) }
    }

    /// The id that the file `instance` in the data directory holds; made there at the first start.
    static func load(dataDirectory: String) throws -> String {
        let path = "\(dataDirectory)/instance"
        if let descriptor = Optional(open(path, O_RDONLY | O_CLOEXEC)), descriptor >= 0 {
            defer { close(descriptor) }
            let bytes = [UInt8](unsafeUninitializedCapacity: 64) { buffer, count in
                count = max(0, read(descriptor, buffer.baseAddress, buffer.count))
            }
            let id = String(decoding: bytes.prefix { $0 > 0x20 }, as: UTF8.self)
            guard Identifier.isUUID(id) else {
                throw StartupError(
                    "\(path) does not hold an id. Restore it from a backup; without one, "
                        + "remove it together with the containers labelled catapult.managed."
                )
            }
            return id
        }
        let id = Identifier.make()
        try PrivateFile.write(id + "\n", to: path)
        return id
    }
}
