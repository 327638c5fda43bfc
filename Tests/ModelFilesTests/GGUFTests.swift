import Testing

@testable import ModelFiles

@Suite struct GGUFTests {
    @Test(arguments: [(UInt32(2), false), (3, false), (3, true)])
    func readsBothVersionsAndByteOrders(version: UInt32, isBigEndian: Bool) throws {
        var writer = GGUFWriter.llama
        writer.version = version
        writer.isBigEndian = isBigEndian
        let header = try GGUFHeader(MemoryBytes(writer.bytes))
        #expect(header.version == version)
        #expect(header.isBigEndian == isBigEndian)
        #expect(header.architecture == "llama")
        #expect(header.value("context_length")?.integer == 4096)
        #expect(header.values["general.tags"]?.texts == ["chat", "tiny"])
        #expect(header.values["general.flag"] == .bool(true))
        #expect(header.parameterCount == 520)
        #expect(header.tensors[12] == .init(tensors: 1, elements: 512))
        #expect(header.weightBytes == 288 + 32)
        #expect(header.neededFileSize == UInt64(writer.bytes.count))
        #expect(header.quantization == "Q4_K_M")
    }

    @Test func theWeightsTellTheQuantizationWhereNoKeyDoes() throws {
        var writer = GGUFWriter.llama
        writer.values.removeAll { $0.0 == "general.file_type" }
        #expect(try GGUFHeader(MemoryBytes(writer.bytes)).quantization == "Q4_K")
        writer.values.append(("general.file_type", .u32(1024)))
        #expect(try GGUFHeader(MemoryBytes(writer.bytes)).quantization == "Q4_K", "1024 means guessed")
    }

    @Test func everyTruncationIsATypedErrorOrAKnownShortfall() throws {
        let bytes = GGUFWriter.llama.bytes
        for length in bytes.indices {
            do throws(ModelFileError) {
                let header = try GGUFHeader(MemoryBytes(Array(bytes[..<length])))
                #expect(header.neededFileSize ?? 0 > UInt64(length), "cut to \(length) bytes")
            } catch {
                #expect(error.kind == .truncated || error.kind == .otherFormat, "cut to \(length): \(error)")
            }
        }
    }

    @Test func longVocabulariesAreCountedAndNotKept() throws {
        var writer = GGUFWriter.llama
        writer.values.append(("tokenizer.ggml.merges", .texts((0..<5_000).map { "token \($0)" })))
        writer.values.append(("tokenizer.ggml.token_type", .u32s(Array(0..<5_000))))
        let header = try GGUFHeader(MemoryBytes(writer.bytes))
        for key in ["tokenizer.ggml.merges", "tokenizer.ggml.token_type"] {
            guard case .array(let count, let first) = header.values[key] else {
                Issue.record("\(key) is no array")
                continue
            }
            #expect(count == 5_000)
            #expect(first.count == 1_024)
        }
        #expect(header.parameterCount == 520, "the tensors after the arrays are read")
    }

    private func claim(_ change: (inout [UInt8]) -> Void) -> ModelFileError.Kind? {
        var bytes = GGUFWriter.llama.bytes
        change(&bytes)
        do throws(ModelFileError) {
            _ = try GGUFHeader(MemoryBytes(bytes))
            return nil
        } catch {
            return error.kind
        }
    }

    @Test func claimsBeyondReasonAreRefusedBeforeAnythingIsAllocated() {
        #expect(claim { $0.replaceSubrange(8..<16, with: [UInt8](repeating: 0xFF, count: 8)) } == .beyondLimit, "tensors")
        #expect(claim { $0.replaceSubrange(16..<24, with: [UInt8](repeating: 0xFF, count: 8)) } == .beyondLimit, "keys")
        #expect(claim { $0.replaceSubrange(24..<32, with: [UInt8](repeating: 0xFF, count: 8)) } == .truncated, "the length of a key")
        #expect(claim { $0[4] = 1 } == .otherFormat, "version 1")
        #expect(claim { $0[0] = 0x50 } == .otherFormat, "magic")
    }

    @Test func sizesThatDoNotFitAreMalformed() {
        var writer = GGUFWriter.llama
        writer.tensors = [("a", [1 << 40, 1 << 40], 0, 0)]
        let bytes = writer.bytes
        #expect { try GGUFHeader(MemoryBytes(bytes)) } throws: { ($0 as? ModelFileError)?.kind == .malformed }
        writer.tensors = [("a", [UInt64.max], 0, 0), ("b", [UInt64.max], 0, 0)]
        let sum = writer.bytes
        #expect { try GGUFHeader(MemoryBytes(sum)) } throws: { ($0 as? ModelFileError)?.kind == .malformed }
    }

    @Test func mutatedAndRandomBytesOnlyEverThrowTypedErrors() {
        var numbers = SeededNumbers(state: 1)
        let original = GGUFWriter.llama.bytes
        for _ in 0..<20_000 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...8, using: &numbers) {
                bytes[Int.random(in: bytes.indices, using: &numbers)] = UInt8.random(in: 0...255, using: &numbers)
            }
            read(bytes)
        }
        for _ in 0..<2_000 {
            let count = Int.random(in: 0...300, using: &numbers)
            read(Array("GGUF".utf8) + [3, 0, 0, 0] + (0..<count).map { _ in UInt8.random(in: 0...255, using: &numbers) })
        }
    }

    private func read(_ bytes: [UInt8]) {
        do throws(ModelFileError) {
            let header = try GGUFHeader(MemoryBytes(bytes))
            #expect(header.values.count <= bytes.count, "no more keys than bytes")
        } catch {
            #expect(error.offset <= Int64(bytes.count))
        }
    }

    @Test func shardsBelongTogether() {
        let groups = ShardGroup.groups(of: [
            "b-00002-of-00002.gguf", "b-00001-of-00002.gguf", "mmproj-b.gguf", "a-Q8_0.gguf", "c-1-of-2.gguf",
        ])
        #expect(groups.map(\.stem) == ["a-Q8_0", "b", "c-1-of-2", "mmproj-b"])
        #expect(groups[1].paths == ["b-00001-of-00002.gguf", "b-00002-of-00002.gguf"])
        #expect(groups[3].isProjector)
    }
}
