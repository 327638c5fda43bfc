import CatapultAPI
import Glibc
import SQLDatabase

/// The first key of a new server: without it nobody could make another.
enum AdminKey {
    static let name = "admin"

    /// What became of the admin key at this start.
    enum Outcome: Sendable, Equatable {
        /// It was made now: to be shown once.
        case created(key: String)
        /// It was set to the value that the operator gave.
        case set
        /// It is as it was.
        case unchanged
    }

    /// Makes the admin key where there is no key at all, or sets it to the given value; keeps `admin.key` (0600) in the data directory in step.
    static func ensure(given: String?, dataDirectory: String, database: Database) async throws -> Outcome {
        let file = "\(dataDirectory)/admin.key"
        if let given {
            guard let secret = KeySecret(parsing: given) else {
                throw StartupError(
                    "CATAPULT_ADMIN_KEY must be prefix.secret: 10 to 200 letters, digits, '.', '_' or '-', with a dot between two parts.")
            }
            let changed = try await set(secret, database: database)
            try PrivateFile.write(secret.text + "\n", to: file)
            return changed ? .set : .unchanged
        }
        guard try await database.read({ try KeyStore.isEmpty(in: $0) }) else { return .unchanged }
        let secret = KeySecret.random()
        // The file first: a key that nobody can read must never be in the database.
        try PrivateFile.write(secret.text + "\n", to: file)
        guard try await insertFirst(secret, database: database) else {
            // Another server on the database was first, and its key is the one.
            unlink(file)
            return .unchanged
        }
        return .created(key: secret.text)
    }

    /// Puts the admin's row in place, unless there is any key by now.
    private static func insertFirst(_ secret: KeySecret, database: Database) async throws -> Bool {
        try await database.write { connection in
            guard try KeyStore.isEmpty(in: connection) else { return false }
            try KeyStore.insert(
                KeyService.record(name: name, role: .admin, scope: .everything, secret: secret, expiresAt: nil), in: connection)
            return true
        }
    }

    /// Puts the admin's row in place; false when it is there already.
    private static func set(_ secret: KeySecret, database: Database) async throws -> Bool {
        try await database.write { connection in
            if let old = try KeyStore.find(prefix: secret.prefix, in: connection) {
                if KeySecret.constantTimeEquals(secret.hash(salt: old.salt), old.hash) { return false }
                try KeyStore.delete(id: old.key.id, in: connection)
            }
            if let old = try KeyStore.find(idOrName: name, in: connection) { try KeyStore.delete(id: old.key.id, in: connection) }
            try KeyStore.insert(
                KeyService.record(name: name, role: .admin, scope: .everything, secret: secret, expiresAt: nil), in: connection)
            return true
        }
    }
}

/// Why a server cannot start, in one sentence for the person who starts it.
public struct StartupError: Error, CustomStringConvertible, Sendable {
    public let description: String

    init(_ description: String) { self.description = description }
}
