import Testing

@testable import ContainerEngine

@Suite("Container statistics")
struct StatisticsTests {
    private func statistics(_ json: String) throws -> ContainerStatistics? {
        try EngineJSON.decode(ContainerStatisticsAnswer.self, from: Array(json.utf8), call: "GET /stats").statistics
    }

    /// Recorded from Docker 20.10 on cgroup v1, shortened; the cache was made larger.
    private func cgroupV1(read: String, cpu: Int64) -> String {
        #"""
        {"read":"\#(read)","pids_stats":{"current":3},"blkio_stats":{"io_service_bytes_recursive":[
        {"major":8,"minor":0,"op":"Read","value":4096},{"major":8,"minor":16,"op":"Read","value":1},{"major":8,"minor":0,"op":"Write","value":512},
        {"major":8,"minor":0,"op":"Total","value":4609}]},"cpu_stats":{"cpu_usage":{"total_usage":\#(cpu),"percpu_usage":[12753871,11443591]},
        "system_cpu_usage":4368100000000,"online_cpus":2,"throttling_data":{"periods":16,"throttled_periods":10,"throttled_time":42}},
        "memory_stats":{"usage":536576,"max_usage":4083712,"stats":{"hierarchical_memory_limit":67108864,"inactive_file":1000,
        "total_inactive_file":36576,"total_rss":53248},"limit":67108864},
        "networks":{"eth0":{"rx_bytes":200,"tx_bytes":7},"eth1":{"rx_bytes":1,"tx_bytes":1}}}
        """#
    }

    /// The form of cgroup v2: other memory details, no per-core times, lower-case operations.
    private let cgroupV2 = #"""
        {"read":"2026-11-21T09:11:57.938297001Z","pids_stats":{"current":18,"limit":18446744073709551615},
        "blkio_stats":{"io_service_bytes_recursive":[{"major":259,"minor":0,"op":"read","value":8192},{"major":259,"minor":0,"op":"write","value":0}]},
        "cpu_stats":{"cpu_usage":{"total_usage":5000000,"usage_in_kernelmode":1,"usage_in_usermode":2},"online_cpus":8,
        "throttling_data":{"periods":0,"throttled_periods":0,"throttled_time":0}},
        "memory_stats":{"usage":10485760,"stats":{"anon":5000000,"file":5000000,"inactive_file":4194304,"slab":1},"limit":18446744073709551615},
        "networks":{"eth0":{"rx_bytes":1,"tx_bytes":2}}}
        """#

    @Test("computes memory without droppable cache, and sums, of cgroup v1")
    func v1() throws {
        let reading = try #require(try statistics(cgroupV1(read: "2026-11-21T09:11:57.938297001Z", cpu: 24_197_462)))
        #expect(reading.memory == .init(usedBytes: 500_000, chargedBytes: 536_576, limitBytes: 67_108_864))
        #expect(reading.cpu == .init(totalNanoseconds: 24_197_462, onlineCores: 2, throttledPeriods: 10, throttledNanoseconds: 42))
        #expect(reading.processes == 3)
        #expect(reading.network == .init(inBytes: 201, outBytes: 8))
        #expect(reading.blockDevices == .init(inBytes: 4097, outBytes: 512))
        #expect(reading.readAt == EngineTimestamp("2026-11-21T09:11:57.938297001Z"))
    }

    @Test("computes the same of cgroup v2, where no limit is the largest number")
    func v2() throws {
        let reading = try #require(try statistics(cgroupV2))
        #expect(reading.memory == .init(usedBytes: 6_291_456, chargedBytes: 10_485_760, limitBytes: .max))
        #expect(reading.cpu.onlineCores == 8)
        #expect(reading.processes == 18)
        #expect(reading.blockDevices == .init(inBytes: 8192, outBytes: 0))
    }

    @Test("computes cores from two readings, and none across a restart or backwards")
    func cores() throws {
        let first = try #require(try statistics(cgroupV1(read: "2026-11-21T09:00:00Z", cpu: 1_000_000_000)))
        let second = try #require(try statistics(cgroupV1(read: "2026-11-21T09:00:02Z", cpu: 4_000_000_000)))
        #expect(second.coresUsed(since: first) == 1.5)
        #expect(first.coresUsed(since: second) == nil)
        #expect(first.coresUsed(since: first) == nil)
        let restarted = try #require(try statistics(cgroupV1(read: "2026-11-21T09:00:03Z", cpu: 5)))
        #expect(restarted.coresUsed(since: second) == nil)
    }

    @Test("has no reading of a container that does not run")
    func stopped() throws {
        #expect(
            try statistics(
                #"{"read":"0001-01-01T00:00:00Z","pids_stats":{},"blkio_stats":{"io_service_bytes_recursive":null},"memory_stats":{}}"#)
                == nil)
    }

    @Test("does not believe a cache that is larger than all memory")
    func inconsistent() throws {
        let reading = try #require(
            try statistics(#"{"read":"2026-11-21T09:00:00Z","memory_stats":{"usage":10,"limit":20,"stats":{"inactive_file":11}}}"#))
        #expect(reading.memory.usedBytes == 10)
    }
}
