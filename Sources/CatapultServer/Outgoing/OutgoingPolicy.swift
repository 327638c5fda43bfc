import CatapultAPI
import Foundation

/// Where the server may send requests whose address somebody gave it. Pure: names are resolved elsewhere.
///
/// A host of the public Internet is fine. Addresses of this host, of private networks and of metadata services are refused, unless the
/// configuration names the host or the range (`CATAPULT_ALLOWED_HOSTS`).
public struct OutgoingPolicy: Sendable, Equatable {
    /// What the configuration allows besides the public Internet.
    enum Exception: Sendable, Hashable {
        /// A host by name, with its port or any; `*.name` means all below it.
        case host(String, port: Int?)
        /// Addresses, whatever name led to them.
        case range(AddressRange)
    }

    /// Where a URL leads.
    struct Target: Sendable, Equatable {
        var host: String
        var port: Int
        var isEncrypted: Bool
    }

    /// Why a request is not sent.
    struct Refusal: Error, Sendable, Equatable {
        /// To follow "the address".
        var reason: String
        var hint: String
    }

    let exceptions: Set<Exception>

    /// Only the public Internet.
    public init() { exceptions = [] }

    /// What ``init(allowedHosts:)`` takes, in words.
    public static let allowed =
        "a comma-separated list of hosts (mlflow.internal, mlflow.internal:5000, *.corp.example) and address ranges (10.1.0.0/16)"

    /// A list as in `CATAPULT_ALLOWED_HOSTS`; nil where an entry is neither host nor range.
    public init?(allowedHosts: String) {
        var exceptions: Set<Exception> = []
        for entry in allowedHosts.split(separator: ",").map({ $0.trimmingCharacters(in: .whitespaces).lowercased() }) where !entry.isEmpty {
            guard let exception = Self.exception(entry) else { return nil }
            exceptions.insert(exception)
        }
        self.exceptions = exceptions
    }

    /// The same policy with one more host.
    func adding(host: String, port: Int) -> OutgoingPolicy {
        let bare = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
        return OutgoingPolicy(exceptions: exceptions.union([.host(bare.lowercased(), port: port)]))
    }

    private init(exceptions: Set<Exception>) { self.exceptions = exceptions }

    private static func exception(_ entry: String) -> Exception? {
        if let range = AddressRange(entry) { return .range(range) }
        var name = Substring(entry)
        var port: Int?
        if let colon = entry.lastIndex(of: ":"), !entry.hasSuffix("]") {
            guard let number = Int(entry[entry.index(after: colon)...]), (1...65_535).contains(number) else { return nil }
            port = number
            name = entry[..<colon]
        }
        if name.hasPrefix("["), name.hasSuffix("]") { name = name.dropFirst().dropLast() }
        let plain = name.hasPrefix("*.") ? name.dropFirst(2) : name
        let isAddress = IPAddress(String(name)) != nil
        guard !plain.isEmpty,
            isAddress || plain.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "." || $0 == "_") })
        else { return nil }
        return .host(String(name), port: port)
    }

    /// Where a URL leads, by its text.
    func target(of url: URL) throws(Refusal) -> Target {
        guard let scheme = url.scheme?.lowercased(), scheme == "http" || scheme == "https" else {
            throw Refusal(reason: "does not begin with http:// or https://", hint: "Give an http or https address.")
        }
        guard url.user == nil, url.password == nil else {
            throw Refusal(reason: "holds a user name or password", hint: "Leave them out: they would end up in logs and rows.")
        }
        guard let host = url.host, !host.isEmpty, !host.contains("%") else {
            throw Refusal(reason: "names no host", hint: "Give an address such as https://host.example/path.")
        }
        let port = url.port ?? (scheme == "https" ? 443 : 80)
        guard (1...65_535).contains(port) else { throw Refusal(reason: "has the port \(port)", hint: "Ports go from 1 to 65535.") }
        let target = Target(host: host, port: port, isEncrypted: scheme == "https")
        guard !Self.otherServices.contains(port) || allows(target, byPort: true) else {
            throw Refusal(
                reason: "has the port \(port), which is that of a service that does not speak HTTP",
                hint: "An admin can allow it: name \(host):\(port) in CATAPULT_ALLOWED_HOSTS of the server.")
        }
        return target
    }

    /// Ports of services that could take a request for something of their own, such as mail: "bad ports" of the Fetch standard.
    private static let otherServices: Set<Int> = [
        1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109, 110, 111, 113, 115,
        117,
        119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601,
        636,
        989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697,
        10080,
    ]

    /// The address to connect to, out of those that a host's name resolved to. All must be allowed: a name that leads to a public and a private
    /// address is not to be trusted with either.
    func choose(_ addresses: [IPAddress], for target: Target) throws(Refusal) -> IPAddress {
        guard let first = addresses.first else {
            throw Refusal(reason: "names the host \(target.host), which has no address", hint: "Check the name.")
        }
        if allows(target) { return first }
        for address in addresses {
            guard let use = address.reservedFor, !allows(address) else { continue }
            throw Refusal(
                reason: "leads to \(address), which is reserved for \(use)",
                hint: "An admin can allow it: name \(target.host):\(target.port) in CATAPULT_ALLOWED_HOSTS of the server.")
        }
        return first
    }

    /// - Parameter byPort: whether only an exception counts that names the port.
    private func allows(_ target: Target, byPort: Bool = false) -> Bool {
        let bracketed = target.host.hasPrefix("[") && target.host.hasSuffix("]")
        var host = (bracketed ? String(target.host.dropFirst().dropLast()) : target.host).lowercased()
        if host.hasSuffix(".") { host.removeLast() }
        return exceptions.contains { exception in
            guard case .host(let name, let port) = exception, port == target.port || (port == nil && !byPort) else { return false }
            return name.hasPrefix("*.") ? host.hasSuffix(name.dropFirst()) : host == name
        }
    }

    private func allows(_ address: IPAddress) -> Bool {
        exceptions.contains { exception in
            guard case .range(let range) = exception else { return false }
            return range.contains(address) || address.embedded.map(range.contains) == true
        }
    }
}
