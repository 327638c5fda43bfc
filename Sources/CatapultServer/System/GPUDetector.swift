import CatapultAPI
import Subprocess

/// Finds the GPUs of the host by asking `nvidia-smi`, the tool that comes with NVIDIA's driver.
///
/// Answers are kept for a few seconds, those without GPUs too: a driver that is installed later is found without a restart.
struct GPUDetector: Sendable {
    /// How long the tool may take. The first call after the start of a host without persistence mode takes seconds.
    static let limit = Duration.seconds(10)

    private let fact: CachedFact<GPUInventory>

    /// A detector that looks for the tool on the PATH of `environment`.
    init(environment: Subprocess.Environment = .inherit, limit: Duration = Self.limit, lifetime: Duration = .seconds(5)) {
        let late = GPUInventory(gpus: [], reason: "nvidia-smi did not answer within \(limit.components.seconds) seconds")
        fact = CachedFact(lifetime: lifetime, limit: limit, late: late) { await Self.ask(environment) }
    }

    /// The GPUs. A host without any is a normal answer, with the reason.
    func inventory() async -> GPUInventory { await fact.value() }

    private static func ask(_ environment: Subprocess.Environment) async -> GPUInventory {
        var options = PlatformOptions()
        options.teardownSequence = [.gracefulShutDown(allowedDurationToNextStep: .seconds(1))]
        do {
            let result = try await Subprocess.run(
                .name("nvidia-smi"), arguments: GPUReport.arguments, environment: environment, platformOptions: options,
                output: .string(limit: 64 << 10), error: .string(limit: 4 << 10))
            guard result.terminationStatus.isSuccess else {
                let text = result.standardOutput.isEmpty ? result.standardError : result.standardOutput
                return GPUInventory(gpus: [], reason: "nvidia-smi failed: \(firstLine(of: text, or: "\(result.terminationStatus)"))")
            }
            return GPUReport.inventory(parsing: result.standardOutput)
        } catch let error as SubprocessError where error.code == .executableNotFound {
            return GPUInventory(gpus: [], reason: "nvidia-smi is not installed: this host has no NVIDIA driver")
        } catch {
            return GPUInventory(gpus: [], reason: "nvidia-smi cannot be run: \(firstLine(of: "\(error)", or: "unknown"))")
        }
    }

    private static func firstLine(of text: String, or fallback: String) -> String {
        text.split(whereSeparator: \.isNewline).first.map { String($0.prefix(200)) } ?? fallback
    }
}

/// What `nvidia-smi --query-gpu` prints: one line per GPU, values parted by commas, memory in MiB, utilization in per cent.
enum GPUReport {
    static let arguments: Arguments = ["--query-gpu=index,name,memory.total,memory.used,utilization.gpu", "--format=csv,noheader,nounits"]

    /// The GPUs of a report; none, with the reason, when a line is not as it should be.
    static func inventory(parsing text: String) -> GPUInventory {
        var gpus: [GPU] = []
        for line in text.split(whereSeparator: \.isNewline) where !line.allSatisfy(\.isWhitespace) {
            guard let gpu = gpu(line) else {
                return GPUInventory(gpus: [], reason: "nvidia-smi printed a line that is not understood: \(line.prefix(200))")
            }
            gpus.append(gpu)
        }
        return gpus.isEmpty ? GPUInventory(gpus: [], reason: "nvidia-smi found no GPU") : GPUInventory(gpus: gpus)
    }

    private static func gpu(_ line: Substring) -> GPU? {
        let values = line.split(separator: ",", omittingEmptySubsequences: false).map { String($0.trimmed) }
        guard values.count >= 5, let index = Int(values[0]), index >= 0 else { return nil }
        // A product name may have commas in it; the three numbers come last.
        let name = values[1..<(values.count - 3)].joined(separator: ", ")
        guard !name.isEmpty, let total = mebibytes(values[values.count - 3]), let used = mebibytes(values[values.count - 2]),
            let utilization = percent(values[values.count - 1])
        else { return nil }
        return GPU(index: index, name: name, memoryTotalBytes: total, memoryUsedBytes: used, utilization: utilization)
    }

    /// A driver writes `[N/A]` or `[Not Supported]` for what a GPU cannot tell, such as memory of its own where it shares the host's.
    private static func isAbsent(_ text: String) -> Bool { text.hasPrefix("[") && text.hasSuffix("]") }

    private static func mebibytes(_ text: String) -> Int64? {
        if isAbsent(text) { return 0 }
        guard let number = Int64(text), (0...(Int64.max >> 20)).contains(number) else { return nil }
        return number << 20
    }

    /// A share; an inner nil where the GPU does not tell, an outer one where the text is none.
    private static func percent(_ text: String) -> Double?? {
        if isAbsent(text) { return .some(nil) }
        guard let number = Double(text), (0...100).contains(number) else { return nil }
        return .some(number / 100)
    }
}

extension Substring {
    /// Without the blanks at both ends.
    fileprivate var trimmed: Substring {
        let start = drop { $0.isWhitespace }
        guard let last = start.lastIndex(where: { !$0.isWhitespace }) else { return start }
        return start[...last]
    }
}
