import Foundation

/// The hub from which models are imported.
public struct HubConfiguration: Sendable {
    /// Root of the hub, without a slash at the end.
    public var endpoint: String
    /// The key that the hub gave to whoever runs this server. It leaves only towards the endpoint, and is in no row, log or error.
    public var token: String?
    /// Licenses whose models may be imported, in lower case; nil for all.
    public var allowedLicenses: Set<String>?

    /// The public hub, without a key.
    public init() { endpoint = "https://huggingface.co" }

    /// What an endpoint may be, in words.
    public static let allowedEndpoint = "an http or https address, such as https://hub.example"

    /// Nil where `text` is not such an address.
    public init?(endpoint text: String) {
        guard let url = URL(string: text), ["http", "https"].contains(url.scheme?.lowercased()), url.host?.isEmpty == false,
            url.user == nil,
            url.query == nil, url.fragment == nil
        else { return nil }
        endpoint = text.hasSuffix("/") ? String(text.dropLast()) : text
    }
}
