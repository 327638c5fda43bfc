/// The root of a Catapult server, such as `http://127.0.0.1:8080`.
public struct ServerURL: Sendable, Hashable, CustomStringConvertible {
    /// Where a server listens unless it is told otherwise.
    public static let standard = ServerURL(root: "http://127.0.0.1:8080")

    /// Scheme, host, port and, behind a proxy, a path; without a slash at the end.
    public let root: String

    private init(root: String) { self.root = root }

    /// Reads `http[s]://host[:port][/path]`. The forms of earlier clients, which end in `/api` or `/api/v1`, mean the same server.
    ///
    /// - Throws: `ConfigurationError` that says what is allowed: another scheme, no host, credentials, a query, or characters that no URL has.
    public init(_ text: String) throws(ConfigurationError) {
        func refuse(_ reason: String) -> ConfigurationError {
            ConfigurationError(setting: "server URL", reason: reason, hint: "Write it like \(Self.standard.root).")
        }

        guard let separator = text.firstRange(of: "://") else { throw refuse("has no scheme; http and https are allowed") }
        let scheme = text[..<separator.lowerBound].lowercased()
        guard scheme == "http" || scheme == "https" else { throw refuse("has the scheme \(scheme.prefix(16)); http and https are allowed") }
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw refuse("has a space or a character that must be percent-encoded")
        }

        let rest = text[separator.upperBound...]
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        var path = rest.dropFirst(authority.count)
        guard !authority.contains("@") else { throw refuse("must not hold a user or a password; the key goes into REGISTRY_API_KEY") }
        guard !path.contains("?"), !path.contains("#") else { throw refuse("must not have a query or a fragment") }
        try Self.check(authority, refuse)

        while path.hasSuffix("/") { path = path.dropLast() }
        for suffix in ["/api/v1", "/api"] where path.hasSuffix(suffix) {
            path = path.dropLast(suffix.count)
            break
        }
        while path.hasSuffix("/") { path = path.dropLast() }
        root = "\(scheme)://\(authority.lowercased())\(path)"
    }

    private static func check(_ authority: Substring, _ refuse: (String) -> ConfigurationError) throws(ConfigurationError) {
        let host: Substring
        if authority.hasPrefix("[") {
            guard let close = authority.firstIndex(of: "]") else { throw refuse("has an unclosed [") }
            host = authority[...close]
        } else {
            host = authority.prefix { $0 != ":" }
        }
        guard !host.isEmpty, host != "[]" else { throw refuse("has no host") }
        let port = authority.dropFirst(host.count)
        guard port.isEmpty || (port.hasPrefix(":") && Int(port.dropFirst()).map((1...65_535).contains) == true) else {
            throw refuse("has the port \(port.drop { $0 == ":" }.prefix(16)); 1 to 65535 are allowed")
        }
    }

    public var description: String { root }
}

/// A setting of the client that cannot be honoured.
public struct ConfigurationError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Which setting, in words.
    public let setting: String
    /// What is wrong with it and what is allowed, to follow the setting's name.
    public let reason: String
    /// What to do.
    public let hint: String

    /// A setting, what is wrong, and what to do.
    public init(setting: String, reason: String, hint: String) {
        self.setting = setting
        self.reason = reason
        self.hint = hint
    }

    public var description: String { "the \(setting) \(reason)" }
}
