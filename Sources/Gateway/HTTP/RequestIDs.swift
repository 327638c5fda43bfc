/// Makes request ids: a random prefix per event loop and a running number. Unique, cheap, and no secret.
struct RequestIDs: Sendable {
    private let prefix: String
    private var number: UInt32 = 0

    init() {
        let random = String(UInt64.random(in: .min ... .max), radix: 16)
        prefix = String(repeating: "0", count: 16 - random.count) + random + "-"
    }

    mutating func next() -> String {
        number &+= 1
        return prefix + String(number, radix: 16)
    }

    /// Whether an id that a client sent is kept: 1 to 128 visible ASCII characters.
    static func isAcceptable(_ id: String) -> Bool {
        1...128 ~= id.utf8.count && id.utf8.allSatisfy { 0x21...0x7E ~= $0 }
    }
}
