import CatapultAPI

/// Resources as people write them on a command line: `gpu=1,memory=32Gi,cpu=4`.
enum ResourceText {
    private static let allowed =
        "allowed: cpu (cores, such as 0.5), memory (such as 32Gi), gpu (whole GPUs); for instance \"gpu=1,memory=32Gi\""

    /// Reads the text.
    ///
    /// - Throws: a usage complaint that names the part and what is allowed there.
    static func parse(_ text: String) throws -> ResourceRequest {
        var request = ResourceRequest()
        var seen: Set<String> = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map { $0.filter { $0 != " " } }
            guard pair.count == 2, !pair[1].isEmpty else { throw refuse("\"\(part)\" is not of the form name=value") }
            let (name, value) = (pair[0].lowercased(), pair[1])
            guard seen.insert(name).inserted else { throw refuse("\(name) is given twice") }
            switch name {
            case "cpu": request.cpu = try cores(value)
            case "memory": request.memory = try memory(value)
            case "gpu": request.gpu = try gpus(value)
            default: throw refuse("there is no resource \"\(pair[0])\"")
            }
        }
        return request
    }

    /// Reads a number of cores; `500m` is half a core, as in Kubernetes.
    static func cores(_ text: String) throws -> Double {
        let number = text.hasSuffix("m") ? Double(text.dropLast()).map { $0 / 1_000 } : Double(text)
        guard let number, number >= 0.01, number <= 4_096 else { throw refuse("cpu is \"\(text)\"; 0.01 to 4096 are allowed") }
        return number
    }

    /// Checks an amount of memory.
    static func memory(_ text: String) throws -> String {
        guard let count = ByteCount(text), count.bytes > 0 else {
            throw refuse("memory is \"\(text)\"; a number of bytes with a unit is allowed, such as 512Mi, 8g or 32Gi")
        }
        return text
    }

    private static func gpus(_ text: String) throws -> Int {
        guard let number = Int(text), (0...1_024).contains(number) else {
            throw refuse("gpu is \"\(text)\"; whole numbers from 0 to 1024 are allowed")
        }
        return number
    }

    private static func refuse(_ reason: String) -> Complaint { Complaint(.usage, "--resources: \(reason)", hint: allowed) }

    /// The text of a request, for people.
    static func text(_ request: ResourceRequest) -> String? {
        let parts = [request.gpu.map { "gpu=\($0)" }, request.memory.map { "memory=\($0)" }, request.cpu.map { "cpu=\(short($0))" }]
            .compactMap { $0 }
        return parts.isEmpty ? nil : parts.joined(separator: ",")
    }

    private static func short(_ number: Double) -> String { Int(exactly: number).map(String.init) ?? "\(number)" }
}
