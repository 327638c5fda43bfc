import CatapultAPI
import Glibc
import SQLDatabase

extension Timestamp {
    /// The present moment by the system's clock.
    static var now: Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000)
    }
}

extension Timestamp: SQLValueEncodable, SQLValueDecodable {
    public static var sqlType: SQLType { .integer }
    public var sqlValue: SQLValue { .integer(microseconds) }
    public static func decode(_ column: SQLColumn) throws -> Timestamp { Timestamp(microseconds: try column.integer()) }
}
