extension LoadTest {
    /// Where the requests go: an `http` URL taken apart.
    public struct Target: Hashable, Sendable, Codable, CustomStringConvertible {
        /// A host name or an IP address, without brackets.
        public let host: String
        /// The TCP port, 1–65535; 80 where the URL names none.
        public let port: Int
        /// The origin form of RFC 9112 section 3.2.1: an absolute path and, where there is one, `?query`.
        public let path: String

        /// Takes an absolute URL apart.
        ///
        /// - Parameter url: `http://host[:port][/path][?query]`. An IPv6 address stands in brackets. A fragment is dropped, as it is never sent.
        /// - Throws: ``PlanError`` naming `url`: another scheme, no host, a port out of range, user information (credentials belong in a
        ///   header), or a character that a request line cannot carry.
        public init(_ url: String) throws(PlanError) {
            func refuse(_ value: String, _ allowed: String) -> PlanError { PlanError(field: "url", value: value, allowed: allowed) }

            guard url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
                throw refuse("a URL with a space, a control or a non-ASCII character", "printable ASCII; percent-encode the rest")
            }
            let scheme = "http://"
            guard url.prefix(scheme.count).lowercased() == scheme else {
                throw refuse(Self.schemePart(of: url), "a URL that starts with http://")
            }
            let rest = url.dropFirst(scheme.count)
            let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
            let tail = rest.dropFirst(authority.count).prefix { $0 != "#" }
            guard !authority.contains("@") else {
                throw refuse("a URL with user information", "no user or password in the URL; send an Authorization header")
            }

            let (host, port) = try Self.hostAndPort(authority, refuse)
            guard !host.isEmpty else { throw refuse("a URL without a host", "http://host[:port][/path]") }
            self.host = String(host)
            self.port = port
            path = tail.hasPrefix("/") ? String(tail) : "/" + tail
        }

        /// The URL again, in its normal form.
        public var description: String { "http://\(authority)\(path)" }

        /// The value of the `Host` header: the port is left out where it is 80.
        var authority: String {
            let name = host.contains(":") ? "[\(host)]" : host
            return port == 80 ? name : "\(name):\(port)"
        }

        /// Only the scheme is repeated in an error: the rest of a URL may hold a secret.
        private static func schemePart(of url: String) -> String {
            guard let end = url.firstRange(of: "://") else { return "a URL without a scheme" }
            return String(url[..<end.upperBound].prefix(32))
        }

        private static func hostAndPort(
            _ authority: Substring, _ refuse: (String, String) -> PlanError
        ) throws(PlanError) -> (host: Substring, port: Int) {
            let host: Substring
            let portPart: Substring
            if authority.hasPrefix("[") {
                guard let close = authority.firstIndex(of: "]") else { throw refuse("an unclosed [", "[IPv6 address]") }
                host = authority[authority.index(after: authority.startIndex)..<close]
                portPart = authority[authority.index(after: close)...]
                guard host.utf8.allSatisfy({ Self.isIPv6Byte($0) }) else { throw refuse("brackets around no address", "[IPv6 address]") }
                guard portPart.isEmpty || portPart.hasPrefix(":") else { throw refuse("text after ]", "[IPv6 address]:port") }
            } else {
                host = authority.prefix { $0 != ":" }
                portPart = authority.dropFirst(host.count)
                guard host.utf8.allSatisfy({ Self.isHostByte($0) }) else {
                    throw refuse("a host name with an illegal character", "letters, digits, '.', '-' and '_'")
                }
            }
            guard portPart.count > 1 else { return (host, 80) }
            guard portPart.dropFirst().utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = Int(portPart.dropFirst()),
                (1...65_535).contains(port)
            else { throw refuse("port \(portPart.dropFirst().prefix(16))", "a port from 1 to 65535") }
            return (host, port)
        }

        private static func isHostByte(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
                true
            default: false
            }
        }

        private static func isIPv6Byte(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "f"), UInt8(ascii: "A")...UInt8(ascii: "F"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: ":"), UInt8(ascii: "."):
                true
            default: false
            }
        }
    }
}
