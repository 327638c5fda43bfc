import Foundation

/// A point in time with the nanoseconds that the engine gives, which `Date` would round away.
public struct EngineTimestamp: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Whole seconds since 1970-01-01T00:00:00Z.
    public let seconds: Int64
    /// The nanoseconds beyond ``seconds``, 0 to 999,999,999.
    public let nanoseconds: Int32

    /// Makes a time of its parts. `nanoseconds` is clamped to 0 to 999,999,999.
    public init(seconds: Int64, nanoseconds: Int32 = 0) {
        self.seconds = seconds
        self.nanoseconds = min(max(nanoseconds, 0), 999_999_999)
    }

    /// Makes a time of nanoseconds since the epoch, as the events of the engine have it.
    public init(nanosecondsSinceEpoch: Int64) {
        let (quotient, remainder) = nanosecondsSinceEpoch.quotientAndRemainder(dividingBy: 1_000_000_000)
        self.init(
            seconds: remainder < 0 ? quotient - 1 : quotient,
            nanoseconds: Int32(remainder < 0 ? remainder + 1_000_000_000 : remainder))
    }

    /// Makes a time of a `Date`, rounded down to what a `Date` can tell.
    public init(_ date: Date) {
        let time = date.timeIntervalSince1970
        let whole = time.rounded(.down)
        self.init(seconds: Int64(whole), nanoseconds: Int32((time - whole) * 1_000_000_000))
    }

    /// Reads RFC 3339 with any number of fraction digits (those beyond nanoseconds are dropped); nil for anything else.
    public init?(_ text: some StringProtocol) {
        self.init(rfc3339: Array(text.utf8))
    }

    /// The same point in time, to about a quarter of a microsecond.
    public var date: Date {
        Date(timeIntervalSince1970: Double(seconds) + Double(nanoseconds) / 1_000_000_000)
    }

    /// How long after `earlier` this is; negative where it is before.
    public func duration(since earlier: EngineTimestamp) -> Duration {
        .seconds(seconds - earlier.seconds) + .nanoseconds(Int64(nanoseconds) - Int64(earlier.nanoseconds))
    }

    /// The form that the engine takes in `since` and `until`: seconds, a dot, nine digits.
    public var description: String {
        let digits = String(nanoseconds)
        return "\(seconds)." + String(repeating: "0", count: 9 - digits.count) + digits
    }

    /// Orders by time.
    public static func < (left: EngineTimestamp, right: EngineTimestamp) -> Bool {
        (left.seconds, left.nanoseconds) < (right.seconds, right.nanoseconds)
    }
}

extension EngineTimestamp {
    /// The length of the longest form that is read: nine fraction digits and a numeric offset.
    static let longestText = 35

    /// Reads RFC 3339, section 5.6, from ASCII bytes.
    init?(rfc3339 bytes: some RandomAccessCollection<UInt8>) {
        var cursor = bytes.startIndex

        func number(digits: Int) -> Int? {
            guard bytes.distance(from: cursor, to: bytes.endIndex) >= digits else { return nil }
            var value = 0
            for _ in 0..<digits {
                guard (48...57).contains(bytes[cursor]) else { return nil }
                value = value * 10 + Int(bytes[cursor] - 48)
                cursor = bytes.index(after: cursor)
            }
            return value
        }
        func skip(_ allowed: Unicode.Scalar...) -> UInt8? {
            guard cursor < bytes.endIndex, allowed.contains(where: { $0.value == UInt32(bytes[cursor]) }) else { return nil }
            defer { cursor = bytes.index(after: cursor) }
            return bytes[cursor]
        }

        guard let year = number(digits: 4), skip("-") != nil, let month = number(digits: 2), skip("-") != nil,
            let day = number(digits: 2), skip("T", "t") != nil, let hour = number(digits: 2), skip(":") != nil,
            let minute = number(digits: 2), skip(":") != nil, let second = number(digits: 2),
            (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second <= 60
        else { return nil }

        var nanoseconds: Int32 = 0
        if skip(".") != nil {
            var unit: Int32 = 100_000_000
            var digits = 0
            while let digit = number(digits: 1) {
                nanoseconds += Int32(digit) * unit
                unit /= 10
                digits += 1
            }
            guard digits > 0 else { return nil }
        }

        var offset: Int64 = 0
        if skip("Z", "z") == nil {
            guard let sign = skip("+", "-"), let offsetHour = number(digits: 2), skip(":") != nil, let offsetMinute = number(digits: 2),
                offsetHour < 24, offsetMinute < 60
            else { return nil }
            offset = Int64(offsetHour * 3600 + offsetMinute * 60) * (sign == UInt8(ascii: "-") ? -1 : 1)
        }
        guard cursor == bytes.endIndex else { return nil }
        let days = Self.daysSinceEpoch(year: Int64(year), month: Int64(month), day: Int64(day))
        self.init(seconds: days * 86_400 + Int64(hour * 3600 + minute * 60 + second) - offset, nanoseconds: nanoseconds)
    }

    /// Days from 1970-01-01 in the proleptic Gregorian calendar, counted in eras of 400 years that begin in March.
    private static func daysSinceEpoch(year: Int64, month: Int64, day: Int64) -> Int64 {
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear - 399) / 400
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    /// Reads a time of the engine's JSON, where the year 1 stands for "never".
    init?(engineText text: String?) {
        guard let text, !text.hasPrefix("0001-"), let time = EngineTimestamp(text) else { return nil }
        self = time
    }
}
