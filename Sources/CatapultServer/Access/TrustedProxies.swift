import HTTPTypes

/// Finds the client's address behind proxies. What a request says of its way is believed only as far as it was written by proxies that the
/// configuration names: from the right, hop by hop, up to the first that is not one of them.
struct TrustedProxies: Sendable, Equatable {
    /// Hops that are looked at; more come from nobody with good intent.
    private static let maximumHops = 32

    private let blocks: [AddressRange]

    /// Nobody is believed.
    static let none = TrustedProxies(blocks: [])

    private init(blocks: [AddressRange]) { self.blocks = blocks }

    /// Reads a list of addresses and CIDR blocks with commas between them; nil where one is neither.
    init?(_ text: String) {
        var blocks: [AddressRange] = []
        for part in text.split(separator: ",") {
            guard let block = AddressRange(part.trimmed) else { return nil }
            blocks.append(block)
        }
        self.blocks = blocks
    }

    /// The address that a request comes from, given the other end of its connection.
    func client(peer: String?, headers: HTTPFields) -> String? {
        guard let peer, let address = IPAddress(peer) else { return peer }
        guard isTrusted(address) else { return address.description }
        var client = address
        for hop in Self.hops(headers).suffix(Self.maximumHops).reversed() {
            // A hop that cannot be read ends the way: what stands before it could be anybody's word.
            guard let next = hop.flatMap({ Self.address(of: $0) }) else { break }
            client = next
            if !isTrusted(next) { break }
        }
        return client.description
    }

    private func isTrusted(_ address: IPAddress) -> Bool { blocks.contains { $0.contains(address) } }

    /// The hops as the proxies wrote them, the nearest last; nil for one that says nothing. `Forwarded` (RFC 7239) wins where there is one.
    private static func hops(_ headers: HTTPFields) -> [String?] {
        let forwarded = headers[values: .forwarded].joined(separator: ",")
        if !forwarded.isEmpty {
            return elements(of: forwarded, separator: ",").map { element in
                elements(of: element, separator: ";").lazy.compactMap { pair -> String? in
                    let parts = pair.split(separator: "=", maxSplits: 1)
                    return parts.count == 2 && parts[0].trimmed.lowercased() == "for" ? unquoted(parts[1].trimmed) : nil
                }.first
            }
        }
        return headers[values: .xForwardedFor].joined(separator: ",").split(separator: ",", omittingEmptySubsequences: false)
            .map { $0.trimmed }
    }

    /// The pieces between separators that do not stand in quotes.
    private static func elements(of text: String, separator: Character) -> [String] {
        var pieces = [""]
        var isQuoted = false
        for character in text {
            if character == "\"" { isQuoted.toggle() }
            if character == separator, !isQuoted { pieces.append("") } else { pieces[pieces.count - 1].append(character) }
        }
        return pieces
    }

    private static func unquoted(_ text: String) -> String {
        text.count >= 2 && text.hasPrefix("\"") && text.hasSuffix("\"") ? String(text.dropFirst().dropLast()) : text
    }

    /// An address with or without a port: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`.
    private static func address(of text: String) -> IPAddress? {
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            let rest = text[text.index(after: end)...]
            guard rest.isEmpty || (rest.hasPrefix(":") && isPort(rest.dropFirst())) else { return nil }
            return IPAddress(text[text.index(after: text.startIndex)..<end])
        }
        if let address = IPAddress(text) { return address }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, isPort(parts[1]) else { return nil }
        return IPAddress(parts[0])
    }

    private static func isPort(_ text: Substring) -> Bool { text.allSatisfy(\.isASCII) && UInt16(text) != nil }
}

extension StringProtocol {
    /// Without the spaces and tabs around it.
    fileprivate var trimmed: String {
        let isSpace: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        return String(drop(while: isSpace).reversed().drop(while: isSpace).reversed())
    }
}

extension HTTPField.Name {
    fileprivate static let forwarded = parsed("Forwarded")
    fileprivate static let xForwardedFor = parsed("X-Forwarded-For")
}
