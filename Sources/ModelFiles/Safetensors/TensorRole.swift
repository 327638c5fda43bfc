/// What a tensor of a safetensors file holds, by the names that quantizers give: GPTQ and AWQ (`qweight`, `qzeros`, `scales`, `g_idx`),
/// bitsandbytes (`absmax`, `quant_map`, `quant_state`), compressed-tensors (`weight_packed`, `weight_scale`, `weight_shape`),
/// FP8 checkpoints (`weight_scale_inv`, `input_scale`), MXFP4 (`_blocks`, `_scales`).
enum TensorRole: Equatable {
    /// Weights as they stand, one number each.
    case plain
    /// Several weights in each element.
    case packed
    /// Helps to unpack others.
    case auxiliary

    private static let auxiliaryNames: Set<Substring> = [
        "scales", "qzeros", "g_idx", "absmax", "quant_map", "nested_absmax", "nested_quant_map", "weight_scale", "weight_scale_inv",
        "weight_scale_2", "weight_zero_point", "weight_shape", "weight_g_idx", "weight_global_scale", "input_scale", "input_global_scale",
        "input_zero_point", "k_scale", "v_scale", "SCB", "weight_format",
    ]

    init(name: String, type: String) {
        let last = name.split(separator: ".").last ?? ""
        if Self.auxiliaryNames.contains(last) || last.hasSuffix("_scales") || name.contains(".quant_state.") {
            self = .auxiliary
        } else if last == "qweight" || last == "weight_packed" || last.hasSuffix("_blocks") {
            self = .packed
        } else {
            // bitsandbytes keeps the name of a weight and packs two of its numbers into each byte.
            self = type == "U8" ? .packed : .plain
        }
    }
}
