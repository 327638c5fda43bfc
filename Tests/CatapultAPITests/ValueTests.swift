import Foundation
import Testing

@testable import CatapultAPI

@Suite("Timestamp")
struct TimestampTests {
    @Test(
        "reads RFC 3339",
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("1970-01-01T00:00:00.000001Z", 1), ("1969-12-31T23:59:59.999999Z", -1),
            ("1970-01-01T01:00:00+01:00", 0),
            ("1969-12-31T19:00:00-05:00", 0), ("1970-01-01 00:00:01z", 1_000_000), ("1970-01-01t00:00:00.5Z", 500_000),
            ("1970-01-01T00:00:00.1234567899Z", 123_456), ("1970-01-01T00:00:02", 2_000_000), ("2000-02-29T00:00:00Z", 951_782_400_000_000),
            ("2026-11-20T22:59:13.975682", 1_795_215_553_975_682), ("1970-01-01T05:30:00+05:30", 0),
            ("0001-01-01T00:00:00Z", -62_135_596_800_000_000),
            ("9999-12-31T23:59:59.999999Z", 253_402_300_799_999_999), ("2016-12-31T23:59:60Z", 1_483_228_800_000_000),
        ] as [(String, Int64)])
    func reads(text: String, microseconds: Int64) {
        #expect(Timestamp(text)?.microseconds == microseconds)
    }

    @Test(
        "refuses what is no moment",
        arguments: [
            "", "2026", "2026-11-20", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-02-29T00:00:00Z", "1900-02-29T00:00:00Z",
            "2026-04-31T00:00:00Z", "2026-01-00T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:61Z",
            "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00ZZ", "2026-01-01T00:00:00+0100", "2026-01-01T00:00:00+24:00",
            "2026-01-01T00:00:00+01:60",
            "2026-01-01T00:00:00+01:0", "2026-01-01T00:00:00+", "2026-01-01T00:00:00 Z", "2026/01/01T00:00:00Z", "-026-01-01T00:00:00Z",
            "２026-01-01T00:00:00Z", "2026-01-01T00:00:00.5x",
        ])
    func refuses(text: String) {
        #expect(Timestamp(text) == nil)
    }

    @Test("survives the way through text, and Foundation reads the same moment", arguments: 0..<20 as Range<UInt64>)
    func roundTrip(seed: UInt64) throws {
        var random = SplitMix(state: seed)
        let formatter = ISO8601DateFormatter()
        formatter.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
        for _ in 0..<50 {
            let moment = Timestamp(microseconds: .random(in: -62_135_596_800_000_000...253_402_300_799_999_999, using: &random))
            #expect(Timestamp(moment.description) == moment)
            let seconds = Timestamp(microseconds: moment.microseconds / 1_000_000 * 1_000_000)
            // Foundation changes to the Julian calendar in 1582, RFC 3339 does not.
            guard seconds.microseconds > -12_000_000_000_000_000 else { continue }
            let date = try #require(formatter.date(from: seconds.description.replacing(".000000Z", with: ".000Z")))
            #expect(Int64(date.timeIntervalSince1970) * 1_000_000 == seconds.microseconds)
        }
    }

    @Test("adds and takes away durations")
    func arithmetic() {
        let moment = Timestamp(microseconds: 10)
        #expect(moment + .milliseconds(1) == Timestamp(microseconds: 1_010))
        #expect(moment + .seconds(-1) == Timestamp(microseconds: -999_990))
        #expect(Timestamp(microseconds: 1_000_010) - moment == .seconds(1))
        #expect(moment < moment + .microseconds(1))
    }
}

@Suite("Small values")
struct SmallValueTests {
    @Test(
        "wire names",
        arguments: [
            ("id", "id"), ("storagePath", "storage_path"), ("endpointURL", "endpoint_url"), ("isGPUReady", "is_gpu_ready"),
            ("mlflowURL", "mlflow_url"),
            ("k8sNamespace", "k8s_namespace"), ("sha256", "sha256"), ("responseTimeMs", "response_time_ms"),
            ("artifactIDs", "artifact_ids"), ("GPUsUsed", "gpus_used"), ("HTTPSession", "http_session"), ("URL", "url"), ("", ""),
            ("apiKeyName", "api_key_name"), ("requiresGPU", "requires_gpu"),
        ])
    func wireNames(name: String, wire: String) {
        #expect(WireName.snakeCase(name) == wire)
    }

    @Test(
        "byte counts are powers of 1024, as Docker reads them",
        arguments: [
            ("0", 0), ("512", 512), ("512b", 512), ("1k", 1_024), ("1KB", 1_024), ("1Ki", 1_024), ("1.5Mi", 1_572_864),
            ("8g", 8_589_934_592),
            ("32GiB", 34_359_738_368), ("2T", 2_199_023_255_552),
        ] as [(String, Int64)])
    func byteCounts(text: String, bytes: Int64) {
        #expect(ByteCount(text)?.bytes == bytes)
        #expect(TextRule.byteCount.matches(text))
    }

    @Test("refuses other byte counts", arguments: ["", "g", "-1", "1x", "1.2.3", "1 g", "99999999999t", "١k", "1e3"])
    func badByteCounts(text: String) {
        #expect(ByteCount(text) == nil)
    }

    @Test(
        "says byte counts",
        arguments: [(0, "0 B"), (1_023, "1023 B"), (1_024, "1.0 KiB"), (1_610_612_736, "1.5 GiB"), (.max, "8192.0 PiB")]
            as [(Int64, String)])
    func byteCountText(bytes: Int64, text: String) {
        #expect(ByteCount.text(bytes) == text)
    }

    @Test("both dialects of paging")
    func paging() {
        #expect(Paging() == Paging(limit: 10, offset: 0))
        #expect(Paging(page: 3, size: 20) == Paging(limit: 20, offset: 40))
        #expect(Paging(limit: 5_000) == Paging(limit: 1_000, offset: 0))
        #expect(Paging(limit: 0).limit == 1)
        #expect(Paging(size: 7, limit: 30, offset: 60) == Paging(limit: 30, offset: 60))
        #expect(Paging(skip: 15).offset == 15)
        #expect(Paging(page: 9, offset: 1, skip: 2).offset == 1)
    }

    @Test("the envelope counts pages, also with no rows and past the end")
    func envelope() {
        let page = Page(items: ["a"], total: 61, page: 3, size: 30)
        #expect((page.page, page.size, page.pages, page.total) == (3, 30, 3, 61))
        let empty = Page(items: [String](), total: 0, page: 5, size: 10)
        #expect((empty.page, empty.pages, empty.items.count) == (5, 0, 0))
    }

    @Test("roles are ordered")
    func roles() {
        #expect(Role.viewer < .operator && .operator < .admin && !(Role.admin < .admin))
    }
}
