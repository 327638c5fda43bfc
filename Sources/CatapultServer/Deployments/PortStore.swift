import CatapultAPI
import Glibc
import SQLDatabase

/// The ports of the stable endpoints. One that is reserved belongs to its deployment until that is deleted.
struct PortStore: Sendable {
    /// How many ports are tried before a deployment is told that there is none.
    static let tries = 20

    /// Ports that deployments get.
    let range: ClosedRange<Int>
    /// The address on which deployments listen.
    let host: String

    /// The URL of an endpoint, for clients. One that listens everywhere is named by the address that works on this host.
    func url(port: Int) -> String {
        switch host {
        case "0.0.0.0", "::", "": "http://127.0.0.1:\(port)"
        case let host where host.contains(":"): "http://[\(host)]:\(port)"
        default: "http://\(host):\(port)"
        }
    }

    /// Reserves the lowest port that no deployment has and nothing listens on, in the caller's transaction.
    ///
    /// - Parameter excluded: ports that turned out to be taken.
    func reserve(for deploymentID: String, excluding excluded: Set<Int> = [], in connection: any SQLConnection) throws -> Int {
        let taken = Set(try connection.fetchColumn("SELECT port FROM ports", as: Int.self)).union(excluded)
        var tried = 0
        for port in range where !taken.contains(port) {
            guard Self.isFree(port) else {
                tried += 1
                if tried == Self.tries { break }
                continue
            }
            try connection.execute("DELETE FROM ports WHERE deployment_id = \(deploymentID)")
            try connection.execute("INSERT INTO ports (port, deployment_id) VALUES (\(port), \(deploymentID))")
            return port
        }
        throw Self.exhausted(range, tried: tried + excluded.count)
    }

    static func exhausted(_ range: ClosedRange<Int>, tried: Int) -> CatapultError {
        CatapultError(
            status: 500, code: "no_free_port", type: "PortAllocationError",
            message: "No port is free for the endpoint: those from \(range.lowerBound) to \(range.upperBound) are reserved"
                + (tried > 0 ? ", or in use by other programs (\(tried) tried)." : "."),
            hint: "Delete a deployment that is not needed, or start the server with another range of ports.")
    }

    /// Whether a listener could be opened. Asked on a thread of the database; the call itself does not block.
    static func isFree(_ port: Int) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}
