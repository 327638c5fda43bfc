import CatapultAPI
import Crypto
import Foundation

/// Where a page of a list ended, in a form that clients hand back unread.
///
/// It remembers its list and filters, since a place in one list means nothing in another. The digest finds what is cut off or mistyped; it
/// guards no secret: whoever made a cursor by hand would see what a list call shows anyway.
struct PageCursor: Sendable, Equatable {
    /// The last row of the page.
    var key: PageKey
    /// How many rows came before, for the number of the next page.
    var row: Int
    /// The list and its filters.
    var list: String

    private static let version = "1"
    private static let digestLength = 8
    private static let separator: Character = "\u{1F}"

    init(key: PageKey, row: Int, list: String) {
        self.key = key
        self.row = row
        self.list = list
    }

    /// Reads a cursor; nil for anything that ``text`` did not write.
    init?(_ text: String) {
        var base64 = text.replacing("-", with: "+").replacing("_", with: "/")
        base64 += String(repeating: "=", count: (4 - base64.utf8.count % 4) % 4)
        guard let bytes = Data(base64Encoded: base64), bytes.count > Self.digestLength else { return nil }
        let payload = Array(bytes.dropFirst(Self.digestLength))
        guard Self.digest(payload) == Array(bytes.prefix(Self.digestLength)) else { return nil }
        let parts = String(decoding: payload, as: UTF8.self).split(separator: Self.separator, omittingEmptySubsequences: false)
        guard parts.count >= 4, parts[0] == Self.version, let row = Int(parts[2]), let key = PageKey(parts: parts[3...]) else { return nil }
        self.init(key: key, row: row, list: String(parts[1]))
    }

    /// The cursor as clients get it: URL-safe base 64.
    var text: String {
        let payload = Array(([Self.version, list, "\(row)"] + key.parts).joined(separator: String(Self.separator)).utf8)
        return Data(Self.digest(payload) + payload).base64EncodedString()
            .replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    private static func digest(_ payload: [UInt8]) -> [UInt8] {
        Array(SHA256.hash(data: Array("catapult page cursor".utf8) + payload).prefix(digestLength))
    }

    /// The name of a list with its filters: of two calls that differ only in the page they ask for it is the same.
    static func list<Call: PagedCall>(of call: Call) throws -> String {
        let parameters = try JSONParser.parse(WireEncoder.encode(call, nils: .omit)).objectValue ?? [:]
        let filters = parameters.filter { !["page", "size", "limit", "offset", "skip", "cursor"].contains($0.key) }
        let digest = digest(JSONValue.object(filters).jsonBytes).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        return "\(Call.name) \(digest)"
    }
}

/// What places a row in its list.
enum PageKey: Sendable, Equatable {
    /// Newest first: the moment, and the id among rows of one moment.
    case age(Timestamp, id: String)
    /// By a unique name.
    case name(String)

    fileprivate var parts: [String] {
        switch self {
        case .age(let moment, let id): ["age", "\(moment.microseconds)", id]
        case .name(let name): ["name", name]
        }
    }

    fileprivate init?(parts: ArraySlice<Substring>) {
        let parts = Array(parts)
        switch parts.first {
        case "age" where parts.count == 3:
            guard let microseconds = Int64(parts[1]) else { return nil }
            self = .age(Timestamp(microseconds: microseconds), id: String(parts[2]))
        case "name" where parts.count == 2: self = .name(String(parts[1]))
        default: return nil
        }
    }
}
