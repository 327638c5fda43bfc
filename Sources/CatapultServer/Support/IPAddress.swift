import Glibc

/// An IP address as its bytes: 4 of IPv4, 16 of IPv6. An IPv4 address that is written as IPv6 (RFC 4291, section 2.5.5.2) is the IPv4 one.
struct IPAddress: Sendable, Hashable, CustomStringConvertible {
    let bytes: [UInt8]

    /// An address in its plain textual form, without port, brackets or zone; forms such as `127.1` or `0x7f000001` are none.
    init?(_ text: some StringProtocol) {
        guard text.utf8.count <= 45, !text.utf8.contains(0) else { return nil }
        var four = in_addr()
        var six = in6_addr()
        if inet_pton(AF_INET, String(text), &four) == 1 {
            self.init(v4: four)
        } else if inet_pton(AF_INET6, String(text), &six) == 1 {
            self.init(v6: six)
        } else {
            return nil
        }
    }

    /// The address of a socket address of either family.
    init?(_ address: UnsafePointer<sockaddr>?) {
        guard let address else { return nil }
        switch Int32(address.pointee.sa_family) {
        case AF_INET: self.init(v4: address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { $0.pointee.sin_addr })
        case AF_INET6: self.init(v6: address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { $0.pointee.sin6_addr })
        default: return nil
        }
    }

    private init(v4 address: in_addr) { bytes = withUnsafeBytes(of: address) { Array($0) } }

    private init(v6 address: in6_addr) {
        let all = withUnsafeBytes(of: address) { Array($0) }
        bytes = all.starts(with: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]) ? Array(all[12...]) : all
    }

    private init(v4 bytes: ArraySlice<UInt8>) { self.bytes = Array(bytes) }

    var description: String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let family = bytes.count == 4 ? AF_INET : AF_INET6
        guard inet_ntop(family, bytes, &text, socklen_t(text.count)) != nil else { return "?" }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The IPv4 address that an IPv6 address stands for: through NAT64 (RFC 6052) or 6to4 (RFC 3056).
    var embedded: IPAddress? {
        guard bytes.count == 16 else { return nil }
        if bytes[..<12] == [0, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0] { return IPAddress(v4: bytes[12...]) }
        if bytes[..<2] == [0x20, 0x02] { return IPAddress(v4: bytes[2..<6]) }
        return nil
    }

    /// Why no request of the server may go there by default, or nil for an address of the public Internet.
    ///
    /// The ranges are those of the IANA special-purpose registries for IPv4 and IPv6, and one public address that is a cloud's own.
    var reservedFor: String? {
        if let embedded { return embedded.reservedFor }
        if let range = AddressRange.reserved.first(where: { $0.range.contains(self) }) { return range.use }
        // All that IPv6 has given out for the Internet begins with the bits 001.
        return bytes.count == 16 && bytes[0] & 0xE0 != 0x20 ? "not a public address" : nil
    }
}

/// A block of addresses, such as 10.0.0.0/8.
struct AddressRange: Sendable, Hashable {
    private let base: IPAddress
    private let bits: Int

    /// - Parameter text: an address, or one with a number of bits (RFC 4632, section 3.1; RFC 4291, section 2.3).
    init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), let base = IPAddress(parts[0]) else { return nil }
        let whole = base.bytes.count * 8
        guard let bits = parts.count == 2 ? Int(parts[1]) : whole, (0...whole).contains(bits), parts.last?.first != "+" else { return nil }
        self.base = base
        self.bits = bits
    }

    func contains(_ address: IPAddress) -> Bool {
        guard address.bytes.count == base.bytes.count else { return false }
        return (0..<base.bytes.count).allSatisfy { index in
            let left = bits - index * 8
            guard left > 0 else { return true }
            let mask: UInt8 = left >= 8 ? 0xFF : ~(0xFF >> left)
            return address.bytes[index] & mask == base.bytes[index] & mask
        }
    }

    static let reserved: [(range: AddressRange, use: String)] = [
        ("0.0.0.0/8", "this host"), ("10.0.0.0/8", "private networks"), ("100.64.0.0/10", "carriers' networks"),
        ("127.0.0.0/8", "this host"),
        ("169.254.0.0/16", "this link and metadata services"), ("172.16.0.0/12", "private networks"), ("192.0.0.0/24", "protocols"),
        ("192.0.2.0/24", "documentation"), ("192.88.99.0/24", "relays"), ("192.168.0.0/16", "private networks"),
        ("198.18.0.0/15", "benchmarks"), ("198.51.100.0/24", "documentation"), ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"), ("240.0.0.0/4", "nobody"), ("168.63.129.16", "a metadata service"), ("::1", "this host"),
        ("::", "this host"), ("2001::/23", "protocols"), ("2001:db8::/32", "documentation"), ("3fff::/20", "documentation"),
        ("fc00::/7", "private networks"), ("fe80::/10", "this link"), ("ff00::/8", "multicast"),
    ].compactMap { text, use in AddressRange(text).map { ($0, use) } }
}
