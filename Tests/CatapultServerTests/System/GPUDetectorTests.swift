import CatapultAPI
import Foundation
import Subprocess
import Testing

@testable import CatapultServer

/// A simulation: this machine has no GPU, so a script on the PATH prints what `nvidia-smi` prints on machines that have some.
@Suite("GPU detector (simulated nvidia-smi)")
struct GPUDetectorTests {
    private func inventory(of script: String?, limit: Duration = GPUDetector.limit) async throws -> GPUInventory {
        try await BuildLab.withDirectory { directory in
            if let script {
                let path = "\(directory)/nvidia-smi"
                try Data("#!/bin/sh\n\(script)\n".utf8).write(to: URL(filePath: path))
                try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
            }
            let detector = GPUDetector(environment: .inherit.updating(["PATH": directory]), limit: limit)
            return await detector.inventory()
        }
    }

    @Test("An H200")
    func h200() async throws {
        let inventory = try await inventory(of: "echo '0, NVIDIA H200, 143771, 4, 0'")
        #expect(
            inventory.gpus == [
                GPU(index: 0, name: "NVIDIA H200", memoryTotalBytes: 143_771 << 20, memoryUsedBytes: 4 << 20, utilization: 0)
            ])
        #expect(inventory.available)
        #expect(inventory.reason == nil)
    }

    @Test("Four A100 at work, one of which does not tell its utilization")
    func a100() async throws {
        let report = """
            0, NVIDIA A100-SXM4-80GB, 81920, 61234, 97
            1, NVIDIA A100-SXM4-80GB, 81920, 0, 0
            2, NVIDIA A100-SXM4-80GB, 81920, 81559, 100
            3, NVIDIA A100-SXM4-80GB, 81920, 3, [N/A]
            """
        let inventory = try await inventory(of: "echo '\(report)'")
        #expect(inventory.count == 4)
        #expect(inventory.gpus.map(\.index) == [0, 1, 2, 3])
        #expect(inventory.gpus.map(\.utilization) == [0.97, 0, 1, nil])
        #expect(inventory.gpus[0].memoryUsedBytes == 61_234 << 20)
    }

    @Test("It is asked for what is read, without a header and units")
    func arguments() async throws {
        let inventory = try await inventory(of: "echo \"0, $*, 1, 1, 1\"")
        #expect(
            inventory.gpus.first?.name
                == "--query-gpu=index, name, memory.total, memory.used, utilization.gpu --format=csv, noheader, nounits")
    }

    @Test("A host without the tool has no GPUs, and says why")
    func absent() async throws {
        let inventory = try await inventory(of: nil)
        #expect(inventory == GPUInventory(gpus: [], reason: "nvidia-smi is not installed: this host has no NVIDIA driver"))
    }

    @Test("A driver that does not answer is told with its own words")
    func failing() async throws {
        let inventory = try await inventory(
            of: "echo 'NVIDIA-SMI has failed because it could not communicate with the NVIDIA driver.'; exit 9")
        #expect(!inventory.available)
        #expect(inventory.reason == "nvidia-smi failed: NVIDIA-SMI has failed because it could not communicate with the NVIDIA driver.")
    }

    @Test("A tool that hangs is given up")
    func hanging() async throws {
        // PATH holds nothing else, so the sleep has its whole path; exec makes it the process that is ended.
        let inventory = try await inventory(of: "exec /bin/sleep 600", limit: .seconds(1))
        #expect(inventory.reason == "nvidia-smi did not answer within 1 seconds")
    }

    @Test(
        "What is not understood is no GPU",
        arguments: ["", "hello", "0, A", "x, A, 1, 1, 1", "0, A, -1, 1, 1", "0, A, 1, 1, 900", "0, , 1, 1, 1"])
    func nonsense(report: String) {
        let inventory = GPUReport.inventory(parsing: report)
        #expect(!inventory.available)
        #expect(inventory.reason != nil)
    }
}
