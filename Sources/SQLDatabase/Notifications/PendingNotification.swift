/// A notification that its transaction's commit sends.
struct PendingNotification: Hashable {
    /// PostgreSQL's limits (https://www.postgresql.org/docs/15/sql-notify.html), which hold for both databases.
    static let longestPayload = 7999
    static let longestChannel = 63

    let channel: String
    let payload: String

    /// Throws ``DatabaseError/notificationTooLong(bytes:limit:)``, or ``DatabaseError/unsupported(_:)`` for what no database can carry.
    init(channel: String, payload: String) throws(DatabaseError) {
        guard (1...Self.longestChannel).contains(channel.utf8.count) else {
            throw .unsupported("the name of a channel has 1 to \(Self.longestChannel) bytes")
        }
        guard payload.utf8.count <= Self.longestPayload else {
            throw .notificationTooLong(bytes: payload.utf8.count, limit: Self.longestPayload)
        }
        guard !channel.utf8.contains(0), !payload.utf8.contains(0) else {
            throw .unsupported("a notification cannot hold a NUL character")
        }
        self.channel = channel
        self.payload = payload
    }
}
