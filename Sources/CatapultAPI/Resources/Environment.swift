/// A named place to deploy to: what a replica may use there.
public struct Environment: Codable, Sendable, Equatable {
    public var id: String
    public var name: String
    public var type: EnvironmentType
    public var resources: ResourceRequest
    public var description: String?
    public var implied: Bool
    public var createdAt: Timestamp
    public var updatedAt: Timestamp

    /// An environment with all its parts.
    public init(
        id: String, name: String, type: EnvironmentType, resources: ResourceRequest, description: String?, implied: Bool,
        createdAt: Timestamp,
        updatedAt: Timestamp
    ) {
        self.id = id
        self.name = name
        self.type = type
        self.resources = resources
        self.description = description
        self.implied = implied
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }
}

extension Environment: Documented {
    public static let fields: [String: Field] = [
        "id": "UUID.",
        "name": Field("Unique name, such as production.", .text(.plainName)),
        "type": "cpu or gpu.",
        "resources": "What each replica gets.",
        "description": Field("What the environment is for.", .length(0...10_000)),
        "implied": "True when nobody created it: a deployment named it first.",
        "createdAt": "When it was created.",
        "updatedAt": "When it was last changed.",
    ]
}

/// What the replicas of an environment compute on.
public enum EnvironmentType: String, Codable, Sendable, CaseIterable {
    case cpu
    case gpu
}

/// What one replica gets. Absent means no limit (CPU, memory) or none (GPU).
public struct ResourceRequest: Codable, Sendable, Equatable, Documented {
    public var cpu: Double?
    public var memory: String?
    public var gpu: Int?

    /// A request for parts of a machine.
    public init(cpu: Double? = nil, memory: String? = nil, gpu: Int? = nil) {
        self.cpu = cpu
        self.memory = memory
        self.gpu = gpu
    }

    public static let fields: [String: Field] = [
        "cpu": Field("CPU cores, also fractions.", .range(0.01...4_096)),
        "memory": Field("Memory with a unit, such as 32Gi.", .text(.byteCount)),
        "gpu": Field("Whole GPUs.", .range(0...1_024)),
    ]
}

/// A number of bytes as people write it: `512Mi` and `8g` count in powers of 1024 (as Docker and Kubernetes do for these), `500M` in Docker's way too.
public struct ByteCount: Sendable, Equatable {
    /// The number of bytes.
    public var bytes: Int64

    /// Reads digits with an optional unit b, k, m, g or t (also Ki, Mi, …, KiB, MB): powers of 1024, as Docker reads them.
    public init?(_ text: String) {
        let lower = text.lowercased()
        let number = lower.prefix { $0.isNumber || $0 == "." }
        var unit = lower.dropFirst(number.count)
        if unit.hasSuffix("b") { unit = unit.dropLast() }
        if unit.hasSuffix("i") { unit = unit.dropLast() }
        let exponents: [Substring: Int] = ["": 0, "k": 1, "m": 2, "g": 3, "t": 4]
        guard let value = Double(number), let exponent = exponents[unit] else { return nil }
        guard let exact = Int64(exactly: (value * Double(1 << (10 * exponent))).rounded()) else { return nil }
        bytes = exact
    }

    /// The number in the largest unit that keeps it at 1 or more, with one decimal: `1.5 GiB`.
    public static func text(_ bytes: Int64) -> String {
        let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]
        var value = Double(bytes)
        var index = 0
        while value >= 1_024, index < units.count - 1 {
            value /= 1_024
            index += 1
        }
        let tenths = Int64((value * 10).rounded())
        return index == 0 ? "\(bytes) B" : "\(tenths / 10).\(tenths % 10) \(units[index])"
    }
}
