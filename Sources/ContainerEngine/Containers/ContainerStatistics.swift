/// What a running container uses, at one moment.
public struct ContainerStatistics: Sendable, Hashable {
    /// When the engine read the numbers.
    public let readAt: EngineTimestamp
    /// Memory.
    public let memory: Memory
    /// CPU time since the container's start.
    public let cpu: CPU
    /// The number of processes and threads; nil where the engine does not say.
    public let processes: Int64?
    /// Bytes over all networks since the container's start.
    public let network: Transfer
    /// Bytes from and to block devices since the container's start.
    public let blockDevices: Transfer

    /// Memory of a container.
    public struct Memory: Sendable, Hashable {
        /// What the container needs: all but the file cache that the kernel can drop at once. This is what `docker stats` shows.
        public let usedBytes: Int64
        /// What is charged to the container, with all file cache.
        public let chargedBytes: Int64
        /// The limit, or the host's memory where there is none.
        public let limitBytes: Int64
    }

    /// CPU time of a container.
    public struct CPU: Sendable, Hashable {
        /// CPU time used.
        public let totalNanoseconds: Int64
        /// The cores that it may run on.
        public let onlineCores: Int
        /// The periods in which the limit was reached.
        public let throttledPeriods: Int64
        /// How long it was held back by the limit.
        public let throttledNanoseconds: Int64
    }

    /// Bytes in both directions.
    public struct Transfer: Sendable, Hashable {
        /// Received, or read.
        public let inBytes: Int64
        /// Sent, or written.
        public let outBytes: Int64
    }

    /// The cores in use on average since an earlier reading, 1 being one core fully used.
    ///
    /// Nil where `earlier` is not earlier, or belongs to the time before a restart.
    public func coresUsed(since earlier: ContainerStatistics) -> Double? {
        let (seconds, attoseconds) = readAt.duration(since: earlier.readAt).components
        let elapsed = Double(seconds) * 1e9 + Double(attoseconds) / 1e9
        let used = cpu.totalNanoseconds - earlier.cpu.totalNanoseconds
        guard elapsed > 0, used >= 0 else { return nil }
        return Double(used) / elapsed
    }
}

/// The answer of `GET /containers/{id}/stats`; without a reading where the container does not run.
struct ContainerStatisticsAnswer: Decodable, Sendable {
    let statistics: ContainerStatistics?

    private struct MemoryAnswer: Decodable {
        struct Details: Decodable {
            /// Only in cgroup v1, where it counts the children too.
            var totalInactiveFile: UInt64?
            /// In cgroup v2, and in v1 without the children.
            var inactiveFile: UInt64?
            enum CodingKeys: String, CodingKey {
                case totalInactiveFile = "total_inactive_file"
                case inactiveFile = "inactive_file"
            }
        }
        var usage: UInt64?
        var limit: UInt64?
        var stats: Details?
    }

    private struct CPUAnswer: Decodable {
        struct Usage: Decodable {
            var total: UInt64?
            var perCore: [UInt64]?
            enum CodingKeys: String, CodingKey {
                case total = "total_usage"
                case perCore = "percpu_usage"
            }
        }
        struct Throttling: Decodable {
            var periods: UInt64?
            var time: UInt64?
            enum CodingKeys: String, CodingKey {
                case periods = "throttled_periods"
                case time = "throttled_time"
            }
        }
        var usage: Usage?
        var onlineCores: Int?
        var throttling: Throttling?
        enum CodingKeys: String, CodingKey {
            case usage = "cpu_usage"
            case onlineCores = "online_cpus"
            case throttling = "throttling_data"
        }
    }

    private struct Processes: Decodable { var current: UInt64? }

    private struct Network: Decodable {
        var received: UInt64?
        var sent: UInt64?
        enum CodingKeys: String, CodingKey {
            case received = "rx_bytes"
            case sent = "tx_bytes"
        }
    }

    private struct Block: Decodable {
        struct Item: Decodable {
            var operation: String?
            var value: UInt64?
            enum CodingKeys: String, CodingKey {
                case operation = "op"
                case value
            }
        }
        var bytes: [Item]?
        enum CodingKeys: String, CodingKey { case bytes = "io_service_bytes_recursive" }

        /// `Read` in cgroup v1, `read` in v2.
        func sum(of operation: String) -> Int64 {
            (bytes ?? []).filter { $0.operation?.lowercased() == operation }.reduce(0) { $0.addingClamped($1.value) }
        }
    }

    private enum Key: String, CodingKey {
        case read
        case memory = "memory_stats"
        case cpu = "cpu_stats"
        case processes = "pids_stats"
        case networks
        case block = "blkio_stats"
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        let memory = try container.decodeIfPresent(MemoryAnswer.self, forKey: .memory)
        guard let readAt = EngineTimestamp(engineText: try container.decodeIfPresent(String.self, forKey: .read)),
            let memory, let charged = memory.usage
        else {
            statistics = nil
            return
        }
        let reclaimable = memory.stats?.totalInactiveFile ?? memory.stats?.inactiveFile ?? 0
        let cpu = try container.decodeIfPresent(CPUAnswer.self, forKey: .cpu)
        let networks = try container.decodeIfPresent([String: Network].self, forKey: .networks) ?? [:]
        let block = try container.decodeIfPresent(Block.self, forKey: .block)
        statistics = ContainerStatistics(
            readAt: readAt,
            memory: ContainerStatistics.Memory(
                usedBytes: Int64(clamping: reclaimable < charged ? charged - reclaimable : charged),
                chargedBytes: Int64(clamping: charged), limitBytes: Int64(clamping: memory.limit ?? 0)),
            cpu: ContainerStatistics.CPU(
                totalNanoseconds: Int64(clamping: cpu?.usage?.total ?? 0),
                onlineCores: cpu?.onlineCores ?? cpu?.usage?.perCore?.count ?? 0,
                throttledPeriods: Int64(clamping: cpu?.throttling?.periods ?? 0),
                throttledNanoseconds: Int64(clamping: cpu?.throttling?.time ?? 0)),
            processes: try container.decodeIfPresent(Processes.self, forKey: .processes)?.current.map { Int64(clamping: $0) },
            network: ContainerStatistics.Transfer(
                inBytes: networks.values.reduce(0) { $0.addingClamped($1.received) },
                outBytes: networks.values.reduce(0) { $0.addingClamped($1.sent) }),
            blockDevices: ContainerStatistics.Transfer(inBytes: block?.sum(of: "read") ?? 0, outBytes: block?.sum(of: "write") ?? 0))
    }
}

extension Int64 {
    /// Adds without overflow: the numbers come from outside.
    fileprivate func addingClamped(_ value: UInt64?) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(Int64(clamping: value ?? 0))
        return overflow ? .max : sum
    }
}
