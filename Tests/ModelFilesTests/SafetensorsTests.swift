import Testing

@testable import ModelFiles

@Suite struct SafetensorsTests {
    private let sample = SafetensorsWriter.bytes([
        ("model.embed.weight", "BF16", [10, 4], 80), ("model.norm.weight", "F32", [4], 16), ("scalar", "F32", [], 4),
    ])

    @Test func sumsUpTensors() throws {
        let header = try SafetensorsHeader(MemoryBytes(sample))
        #expect(header.tensorCount == 3)
        #expect(header.elements["BF16"] == .init(plain: 40))
        #expect(header.elements["F32"] == .init(plain: 5))
        #expect(header.weightBytes == 100)
        #expect(header.neededFileSize == UInt64(sample.count))
        #expect(header.metadata == ["format": "pt"])
    }

    @Test func everyTruncationIsATypedErrorOrAKnownShortfall() {
        for length in sample.indices {
            do throws(ModelFileError) {
                let header = try SafetensorsHeader(MemoryBytes(Array(sample[..<length])))
                #expect(header.neededFileSize > UInt64(length), "cut to \(length) bytes")
            } catch {
                #expect(error.kind == .truncated, "cut to \(length): \(error)")
            }
        }
    }

    @Test(arguments: [
        ("{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[8,0]}}", ModelFileError.Kind.malformed),
        ("{\"a\":{\"dtype\":\"F32\",\"shape\":[-4],\"data_offsets\":[0,8]}}", .malformed),
        ("{\"a\":{\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[0,8]}}", .malformed),
        ("{\"a\":{\"dtype\":\"F32\",\"shape\":[4]}}", .malformed),
        ("{\"a\":{\"dtype\":\"F32\",\"shape\":[4503599627370496,4503599627370496],\"data_offsets\":[0,8]}}", .malformed),
        ("{\"a\":7}", .malformed), ("{\"a\"}", .malformed), ("{} x", .malformed), ("{\"a\":", .truncated),
        ("{\"a\":" + String(repeating: "[", count: 5_000) + "}", .beyondLimit), ("[1]", .otherFormat),
    ])
    func refusesWhatContradictsTheFormat(header: String, kind: ModelFileError.Kind) {
        #expect { try SafetensorsHeader(MemoryBytes(SafetensorsWriter.bytes(header))) } throws: { ($0 as? ModelFileError)?.kind == kind }
    }

    @Test func aHugeHeaderIsRefusedByItsClaim() {
        let claim = withUnsafeBytes(of: (UInt64(1) << 40).littleEndian) { Array($0) } + Array("{\"a\":1}".utf8)
        #expect { try SafetensorsHeader(MemoryBytes(claim)) } throws: { ($0 as? ModelFileError)?.kind == .beyondLimit }
    }

    @Test func mutatedBytesOnlyEverThrowTypedErrors() {
        var numbers = SeededNumbers(state: 2)
        for _ in 0..<20_000 {
            var bytes = sample
            for _ in 0..<Int.random(in: 1...6, using: &numbers) {
                bytes[Int.random(in: bytes.indices, using: &numbers)] = UInt8.random(in: 0...255, using: &numbers)
            }
            do throws(ModelFileError) {
                #expect(try SafetensorsHeader(MemoryBytes(bytes)).tensorCount <= bytes.count)
            } catch {
                #expect(error.offset <= Int64(bytes.count))
            }
        }
    }

    @Test func quantizersTensorsAreToldApart() {
        #expect(TensorRole(name: "model.layers.0.q_proj.qweight", type: "I32") == .packed)
        #expect(TensorRole(name: "model.layers.0.q_proj.scales", type: "F16") == .auxiliary)
        #expect(TensorRole(name: "model.layers.0.q_proj.weight.quant_state.bitsandbytes__nf4", type: "U8") == .auxiliary)
        #expect(TensorRole(name: "model.layers.0.q_proj.weight", type: "U8") == .packed)
        #expect(TensorRole(name: "model.layers.0.q_proj.weight_scale_inv", type: "F32") == .auxiliary)
        #expect(TensorRole(name: "model.layers.0.q_proj.weight", type: "F8_E4M3") == .plain)
        #expect(TensorRole(name: "model.layers.0.mlp.experts.down_proj_blocks", type: "U8") == .packed)
        #expect(TensorRole(name: "model.layers.0.mlp.experts.down_proj_scales", type: "U8") == .auxiliary)
    }

    @Test func readsAnIndex() throws {
        let index = try SafetensorsIndex(
            bytes(
                #"{"metadata":{"total_size":100,"total_parameters":45},"weight_map":{"a":"m-2.safetensors","b":"m-1.safetensors","c":"m-1.safetensors"}}"#
            ))
        #expect(index.files == ["m-1.safetensors", "m-2.safetensors"])
        #expect(index.tensorCount == 3)
        #expect(index.totalSize == 100)
        #expect(index.totalParameters == 45)
    }
}
