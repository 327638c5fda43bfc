import CatapultAPI

extension ServerConfiguration {
    /// Takes over the settings of access from texts, as environment variables have them. What is absent stays as it is.
    ///
    /// | name | text |
    /// |---|---|
    /// | `CATAPULT_RATE_LIMIT` | requests a second of each key, `10` or `10/50` with the number that may come at once |
    /// | `CATAPULT_FAILED_KEY_RATE` | wrong keys a second of each address that are heard; `0.5/30` unless set |
    /// | `CATAPULT_ANONYMOUS_ROLE` | `viewer` lets requests without a key read |
    /// | `CATAPULT_ANONYMOUS_RATE` | requests a second of each address that has no key |
    /// | `CATAPULT_ANONYMOUS_MODELS`, `CATAPULT_ANONYMOUS_ENVIRONMENTS` | patterns of what is seen without a key |
    /// | `CATAPULT_TRUSTED_PROXIES` | addresses and CIDR blocks of proxies |
    /// | `CORS_ORIGINS` | origins of pages that may use the server from a browser |
    ///
    /// - Throws: `StartupError` that names the setting and what it may be.
    public mutating func takeAccessSettings(from text: (String) -> String?) throws(StartupError) {
        if let value = text("CATAPULT_RATE_LIMIT") { admission.rateLimit = try Self.rate(value, "CATAPULT_RATE_LIMIT") }
        if let value = text("CATAPULT_FAILED_KEY_RATE") { admission.failedKeys = try Self.rate(value, "CATAPULT_FAILED_KEY_RATE") }
        if let value = text("CATAPULT_TRUSTED_PROXIES") {
            guard let proxies = TrustedProxies(value) else {
                throw StartupError(
                    "CATAPULT_TRUSTED_PROXIES must be addresses and blocks such as 10.0.0.0/8, with commas, but is '\(value)'.")
            }
            admission.proxies = proxies
        }
        if let value = text("CORS_ORIGINS") {
            guard let policy = CORSPolicy(value) else {
                throw StartupError("CORS_ORIGINS must be origins such as https://example.org, with commas, or *, but is '\(value)'.")
            }
            cors = policy
        }
        guard let role = text("CATAPULT_ANONYMOUS_ROLE"), role != "none" else { return }
        guard role == Role.viewer.rawValue else {
            throw StartupError("CATAPULT_ANONYMOUS_ROLE must be viewer or none, but is '\(role)': who shows no key may only read.")
        }
        var anonymous = RequestGate.Anonymous()
        if let value = text("CATAPULT_ANONYMOUS_RATE") { anonymous.rateLimit = try Self.rate(value, "CATAPULT_ANONYMOUS_RATE") }
        anonymous.scope = KeyScope(
            environments: try Self.patterns(text("CATAPULT_ANONYMOUS_ENVIRONMENTS"), "CATAPULT_ANONYMOUS_ENVIRONMENTS"),
            models: try Self.patterns(text("CATAPULT_ANONYMOUS_MODELS"), "CATAPULT_ANONYMOUS_MODELS"))
        admission.anonymous = anonymous
    }

    private static func rate(_ text: String, _ name: String) throws(StartupError) -> RateLimit {
        guard let limit = RateLimit(text) else {
            throw StartupError("\(name) must be requests a second, such as 10, or 10/50 for fifty at once, but is '\(text)'.")
        }
        return limit
    }

    private static func patterns(_ text: String?, _ name: String) throws(StartupError) -> [String]? {
        guard let text else { return nil }
        let patterns = text.split(separator: ",").map { $0.filter { $0 != " " } }
        guard !patterns.isEmpty, patterns.allSatisfy(TextRule.scopePattern.matches) else {
            throw StartupError("\(name) must be names such as team/* or staging, with commas, but is '\(text)'.")
        }
        return patterns
    }
}
