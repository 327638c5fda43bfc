import Glibc
import NIOConcurrencyHelpers

@testable import CatapultServer

/// A value that one part of a test leaves for another.
final class Box<Value: Sendable>: Sendable {
    private let value: NIOLockedValueBox<Value>

    init(_ value: Value) { self.value = NIOLockedValueBox(value) }

    func get() -> Value { value.withLockedValue { $0 } }
    func set(_ next: Value) { value.withLockedValue { $0 = next } }
}

/// Another program that listens on a port of this host.
final class Listener: Sendable {
    private let descriptor: Int32

    init(port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
        guard result == 0, listen(descriptor, 1) == 0 else { throw PortInUse(port: port) }
    }

    deinit { close(descriptor) }
}

struct PortInUse: Error {
    let port: Int
}
