/// The headers of one archive entry: POSIX.1-2017, pax, "ustar Interchange Format" and "pax Header Block".
///
/// Whoever and whenever makes them, the same entry has the same header: owner 0, one time, one of two modes.
struct TarHeader: Sendable, Hashable {
    enum Kind: UInt8, Sendable {
        case file = 0x30
        case symbolicLink = 0x32
        case directory = 0x35
        fileprivate static let extended: UInt8 = 0x78
    }

    static let blockBytes = 512
    /// 1980-01-01, the first day that a zip file can hold: tools within a build make such files of what they find.
    static let modificationTime: Int64 = 315_532_800
    /// The most that eleven octal digits hold; beyond it the size goes into a pax header.
    static let largestOctalSize: Int64 = 0o77_777_777_777

    /// The path in the archive, without a slash at its end.
    var path: String
    var kind: Kind
    var size: Int64 = 0
    var isExecutable = false
    var linkTarget = ""

    /// The number of zeros that fill up the last block of content of a size.
    static func padding(after size: Int64) -> Int {
        let rest = Int(size % Int64(blockBytes))
        return rest == 0 ? 0 : blockBytes - rest
    }

    /// The header blocks: one, or three and more where the path, the link's target or the size needs a pax header before it.
    var blocks: [UInt8] {
        let name = Array((kind == .directory ? path + "/" : path).utf8)
        let target = Array(linkTarget.utf8)
        var records: [UInt8] = []
        let split = Self.split(name)
        if split == nil { records += Self.record("path", name) }
        if target.count > Field.linkName.count || !target.allSatisfy({ $0 < 0x80 }) { records += Self.record("linkpath", target) }
        if size > Self.largestOctalSize { records += Self.record("size", Array(String(size).utf8)) }

        var output: [UInt8] = []
        if !records.isEmpty {
            let extendedName = Array("PaxHeaders/".utf8) + Self.asciiTail(of: path)
            output += Self.block(
                name: extendedName, prefix: [], type: Kind.extended, mode: 0o644, size: Int64(records.count), linkName: [])
            output += records
            output += [UInt8](repeating: 0, count: Self.padding(after: Int64(records.count)))
        }
        let (prefix, short) = split ?? ([], Array(Self.asciiTail(of: path)))
        output += Self.block(
            name: short, prefix: prefix, type: kind.rawValue, mode: kind == .file && !isExecutable ? 0o644 : 0o755,
            size: min(size, Self.largestOctalSize), linkName: Array(target.prefix(Field.linkName.count)))
        return output
    }

    /// Where the fields lie within a block.
    private enum Field {
        static let name = 0..<100
        static let mode = 100..<108
        static let owner = 108..<116
        static let group = 116..<124
        static let size = 124..<136
        static let time = 136..<148
        static let checksum = 148..<156
        static let type = 156
        static let linkName = 157..<257
        static let magic = 257..<265
        static let deviceMajor = 329..<337
        static let deviceMinor = 337..<345
        static let prefix = 345..<500
    }

    private static func block(name: [UInt8], prefix: [UInt8], type: UInt8, mode: Int64, size: Int64, linkName: [UInt8]) -> [UInt8] {
        var block = [UInt8](repeating: 0, count: blockBytes)
        func put(_ bytes: some Sequence<UInt8>, _ field: Range<Int>) {
            for (index, byte) in zip(field, bytes) { block[index] = byte }
        }
        func putOctal(_ value: Int64, _ field: Range<Int>) {
            let digits = String(value, radix: 8)
            put(String(repeating: "0", count: max(0, field.count - 1 - digits.utf8.count)).utf8 + Array(digits.utf8), field)
        }
        put(name, Field.name)
        putOctal(mode, Field.mode)
        putOctal(0, Field.owner)
        putOctal(0, Field.group)
        putOctal(size, Field.size)
        putOctal(modificationTime, Field.time)
        block[Field.type] = type
        put(linkName, Field.linkName)
        put("ustar\u{0}00".utf8, Field.magic)
        putOctal(0, Field.deviceMajor)
        putOctal(0, Field.deviceMinor)
        put(prefix, Field.prefix)
        // The checksum is the sum of all bytes, its own field taken as spaces.
        put(repeatElement(UInt8(ascii: " "), count: Field.checksum.count), Field.checksum)
        putOctal(block.reduce(0) { $0 + Int64($1) }, Field.checksum.lowerBound..<Field.checksum.upperBound - 1)
        block[Field.checksum.upperBound - 2] = 0
        return block
    }

    /// The path as prefix and name, or nil where it does not fit or is not ASCII.
    private static func split(_ path: [UInt8]) -> (prefix: [UInt8], name: [UInt8])? {
        guard path.allSatisfy({ $0 < 0x80 }) else { return nil }
        if path.count <= Field.name.count { return ([], path) }
        let firstSlash = max(0, path.count - Field.name.count - 1)
        // The slash of a directory's end does not divide.
        guard
            let slash = path.dropLast().indices.first(where: { $0 >= firstSlash && path[$0] == UInt8(ascii: "/") }),
            slash > 0, slash <= Field.prefix.count
        else { return nil }
        return (Array(path[..<slash]), Array(path[(slash + 1)...]))
    }

    /// `length key=value\n`, the length counting its own digits.
    static func record(_ key: String, _ value: [UInt8]) -> [UInt8] {
        let rest = Array(" \(key)=".utf8) + value + [UInt8(ascii: "\n")]
        var length = rest.count
        while String(length).utf8.count + rest.count != length {
            length = String(length).utf8.count + rest.count
        }
        return Array(String(length).utf8) + rest
    }

    /// The end of a path in ASCII, as the name for readers that do not know pax.
    private static func asciiTail(of path: String) -> [UInt8] {
        path.utf8.suffix(80).map { $0 < 0x80 && $0 != UInt8(ascii: "/") ? $0 : UInt8(ascii: "_") }
    }
}
