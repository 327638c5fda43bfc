/// The rule that maps a Swift property name to its name on the wire: snake case, a run of capitals being one word.
public enum WireName {
    /// `storagePath` → `storage_path`, `endpointURL` → `endpoint_url`, `isGPUReady` → `is_gpu_ready`, `artifactIDs` → `artifact_ids`.
    public static func snakeCase(_ name: String) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(name.utf8.count + 4)
        appendSnakeCase(name, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    static func appendSnakeCase(_ name: String, to bytes: inout [UInt8]) {
        var name = name
        name.withUTF8 { utf8 in
            var start = 0
            for index in utf8.indices where isUpper(utf8[index]) {
                bytes.append(contentsOf: UnsafeBufferPointer(rebasing: utf8[start..<index]))
                if index > 0 {
                    let afterWord = !isUpper(utf8[index - 1])
                    let beforeWord = index + 1 < utf8.count && isLower(utf8[index + 1]) && !isPlural(utf8, after: index)
                    if afterWord || beforeWord { bytes.append(UInt8(ascii: "_")) }
                }
                bytes.append(utf8[index] | 0x20)
                start = index + 1
            }
            bytes.append(contentsOf: UnsafeBufferPointer(rebasing: utf8[start...]))
        }
    }

    /// True where nothing but an s follows in the word: the plural of a run of capitals.
    private static func isPlural(_ utf8: UnsafeBufferPointer<UInt8>, after index: Int) -> Bool {
        utf8[index + 1] == UInt8(ascii: "s") && (index + 2 == utf8.count || isUpper(utf8[index + 2]))
    }

    private static func isUpper(_ byte: UInt8) -> Bool { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) }
    private static func isLower(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) }
}
