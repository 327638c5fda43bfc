import Foundation
import Testing

@testable import ContainerEngine

@Suite("API version")
struct APIVersionTests {
    private func version(_ minor: Int) -> APIVersion { APIVersion(major: 1, minor: minor) }

    @Test("reads versions and nothing else")
    func reading() {
        #expect(APIVersion("1.41") == version(41))
        #expect(APIVersion("1.9").map { $0 < version(41) } == true)
        for text in ["", "1", "1.", ".1", "1.4.1", "v1.41", "1.-1", "1.99999", "1.4x"] { #expect(APIVersion(text) == nil, "\(text)") }
    }

    @Test("agrees on the newest that both speak")
    func negotiation() throws {
        #expect(try APIVersion.negotiated(engineNewest: version(41), engineOldest: version(12)) == version(41))
        #expect(try APIVersion.negotiated(engineNewest: version(50), engineOldest: version(24)) == .preferred)
        #expect(try APIVersion.negotiated(engineNewest: version(52), engineOldest: version(44)) == version(44))
        #expect(try APIVersion.negotiated(engineNewest: version(43), engineOldest: nil) == version(43))
        #expect(throws: ContainerEngineError.unsupportedEngine(version: version(39), needed: .oldest)) {
            try APIVersion.negotiated(engineNewest: version(39), engineOldest: nil)
        }
    }
}

@Suite("Engine timestamp")
struct EngineTimestampTests {
    @Test(
        "reads RFC 3339",
        arguments: [
            ("1970-01-01T00:00:00Z", 0, 0), ("2026-11-21T08:45:02.123456789Z", 1_795_250_702, 123_456_789),
            ("2026-11-21T10:45:02.5+02:00", 1_795_250_702, 500_000_000), ("2026-11-21T08:15:02.5-00:30", 1_795_250_702, 500_000_000),
            ("2024-02-29T23:59:59.1234567891Z", 1_709_251_199, 123_456_789), ("1969-12-31T23:59:59z", -1, 0),
        ] as [(String, Int64, Int32)])
    func reading(text: String, seconds: Int64, nanoseconds: Int32) {
        #expect(EngineTimestamp(text) == EngineTimestamp(seconds: seconds, nanoseconds: nanoseconds))
    }

    @Test(
        "refuses anything else",
        arguments: [
            "", "2026", "2026-11-21", "2026-11-21 08:45:02Z", "2026-11-21T08:45:02", "2026-13-21T08:45:02Z", "2026-11-21T24:45:02Z",
            "2026-11-21T08:45:02.Z", "2026-11-21T08:45:02Zx", "2026-11-21T08:45:02+0200", "x026-11-21T08:45:02Z",
        ])
    func refusing(text: String) {
        #expect(EngineTimestamp(text) == nil)
    }

    @Test("agrees with Foundation over four centuries")
    func agreesWithFoundation() throws {
        let style = Date.ISO8601FormatStyle()
        for day in stride(from: -100_000, to: 150_000, by: 997) {
            let date = Date(timeIntervalSince1970: Double(day) * 86_400 + 3_723)
            #expect(EngineTimestamp(date.formatted(style))?.seconds == Int64(date.timeIntervalSince1970))
        }
    }

    @Test("writes the form of since and until, orders, and subtracts")
    func arithmetic() {
        let early = EngineTimestamp(nanosecondsSinceEpoch: 1_000_000_005)
        let late = EngineTimestamp(seconds: 2, nanoseconds: 1)
        #expect(early.description == "1.000000005")
        #expect(EngineTimestamp(nanosecondsSinceEpoch: -1) == EngineTimestamp(seconds: -1, nanoseconds: 999_999_999))
        #expect(early < late)
        #expect(late.duration(since: early) == .nanoseconds(999_999_996))
        #expect(early.duration(since: late) == .nanoseconds(-999_999_996))
        #expect(EngineTimestamp(engineText: "0001-01-01T00:00:00Z") == nil)
    }

    @Test("rounds durations as the engine counts them")
    func durations() {
        #expect(Duration.milliseconds(1).wholeSeconds == 1)
        #expect(Duration.seconds(3).wholeSeconds == 3)
        #expect(Duration.milliseconds(1500).wholeNanoseconds == 1_500_000_000)
        #expect(Duration.seconds(Int64.max / 2).wholeNanoseconds == .max)
    }
}
