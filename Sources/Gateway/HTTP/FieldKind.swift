/// The header fields that a gateway treats in a way of their own.
enum FieldKind {
    case host
    case contentLength
    case transferEncoding
    case connection
    case upgrade
    case expect
    case forwardedFor
    case forwardedProto
    case forwardedHost
    case requestID
    case replica
    /// Other fields that are for one connection only (RFC 9110, section 7.6.1), and never forwarded.
    case hopByHop
    /// Passed on as it is.
    case endToEnd

    init(_ name: String) {
        // Every name of every message comes here: the length rules out nearly all comparisons.
        self =
            switch name.utf8.count {
            case 2 where name.isField("te"): .hopByHop
            case 4 where name.isField("host"): .host
            case 6 where name.isField("expect"): .expect
            case 7 where name.isField("upgrade"): .upgrade
            case 10 where name.isField("connection"): .connection
            case 10 where name.isField("keep-alive"): .hopByHop
            case 12 where name.isField("x-request-id"): .requestID
            case 14 where name.isField("content-length"): .contentLength
            case 15 where name.isField("x-forwarded-for"): .forwardedFor
            case 16 where name.isField("x-forwarded-host"): .forwardedHost
            case 16 where name.isField("proxy-connection"): .hopByHop
            case 17 where name.isField("transfer-encoding"): .transferEncoding
            case 17 where name.isField("x-forwarded-proto"): .forwardedProto
            case 18 where name.isField("x-catapult-replica"): .replica
            case 18 where name.isField("proxy-authenticate"): .hopByHop
            case 19 where name.isField("proxy-authorization"): .hopByHop
            default: .endToEnd
            }
    }

    /// Whether the field may stand in a trailer section and be passed on: none that frames or routes a message (RFC 9110, section 6.5.1).
    var isAllowedInTrailers: Bool {
        self == .endToEnd
    }
}

extension StringProtocol {
    /// Equality without case for ASCII text; `lowercased` is in lower case already.
    func isField(_ lowercased: some StringProtocol) -> Bool {
        utf8.elementsEqual(lowercased.utf8) { own, other in
            own == other || (0x41...0x5A ~= own && own | 0x20 == other)
        }
    }

    /// The members of a comma-separated list, without blanks, empty ones left out.
    var listMembers: [SubSequence] {
        split(separator: ",").compactMap { member in
            guard let first = member.firstIndex(where: { $0 != " " && $0 != "\t" }),
                let last = member.lastIndex(where: { $0 != " " && $0 != "\t" })
            else { return nil }
            return member[first...last]
        }
    }
}
