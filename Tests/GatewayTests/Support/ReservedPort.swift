#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Runs the body with loopback ports that refuse connections and that no other test can get: they are bound, but not listened on. A listener
/// that allows address reuse (as the gateway's and the tests' do) can still take one.
func withReservedPorts(_ count: Int, _ body: ([Int]) async throws -> Void) async throws {
    var descriptors: [CInt] = []
    defer { for descriptor in descriptors { close(descriptor) } }
    var ports: [Int] = []
    for _ in 0..<count {
        let (descriptor, port) = try reservePort()
        descriptors.append(descriptor)
        ports.append(port)
    }
    try await body(ports)
}

private struct CannotReservePort: Error {
    var errorNumber: CInt
}

private func reservePort() throws -> (descriptor: CInt, port: Int) {
    #if canImport(Glibc)
    let stream = CInt(SOCK_STREAM.rawValue)
    #else
    let stream = SOCK_STREAM
    #endif
    let descriptor = socket(AF_INET, stream, 0)
    var reuse: CInt = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &reuse, socklen_t(MemoryLayout<CInt>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let result = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
            bind(descriptor, generic, length) == 0 ? getsockname(descriptor, generic, &length) : -1
        }
    }
    guard result == 0 else {
        let error = CannotReservePort(errorNumber: errno)
        close(descriptor)
        throw error
    }
    return (descriptor, Int(UInt16(bigEndian: address.sin_port)))
}
