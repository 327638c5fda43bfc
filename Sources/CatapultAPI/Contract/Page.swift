/// A page of a list, in the contract's envelope.
public struct Page<Item: Codable & Sendable>: Codable, Sendable, Documented {
    /// The rows of this page.
    public var items: [Item]
    /// Rows on all pages.
    public var total: Int
    /// Number of this page, from 1.
    public var page: Int
    /// Rows per page.
    public var size: Int
    /// Number of pages.
    public var pages: Int
    /// Where the next page begins, for the call's `cursor`; nil on the last page.
    public var nextCursor: String?
    /// Whether `total` counts every row. Where counting would take long it says how many there are at least.
    public var totalIsExact: Bool

    /// A page out of `total` rows.
    public init(items: [Item], total: Int, page: Int, size: Int, nextCursor: String? = nil, totalIsExact: Bool = true) {
        self.items = items
        self.total = total
        self.page = page
        self.size = size
        self.pages = size > 0 ? (total + size - 1) / size : 0
        self.nextCursor = nextCursor
        self.totalIsExact = totalIsExact
    }

    public static var fields: [String: Field] {
        [
            "items": "The rows of this page.", "total": "Rows on all pages; at least so many where total_is_exact is false.",
            "page": "Number of this page, from 1.", "size": "Rows per page.", "pages": "Number of pages, as total says.",
            "nextCursor": "Where the next page begins: send it as `cursor`, with the same filters. Null on the last page.",
            "totalIsExact": "Whether total counts every row. False where counting stopped because there are many.",
        ]
    }
}

/// A call that answers with a page of a list.
///
/// A page begins at a row number (`page`, `offset` or `skip`), or where an earlier page ended (`cursor`). Row numbers cost more the
/// further one goes and shift while rows come and go; a cursor costs the same everywhere and neither repeats nor leaves out a row.
public protocol PagedCall: APICall where Output == Page<Item> {
    /// What the list holds.
    associatedtype Item: Codable & Sendable

    /// Number of the page, from 1.
    var page: Int? { get set }
    /// Rows per page.
    var size: Int? { get set }
    /// Rows to return; acts as `size`.
    var limit: Int? { get set }
    /// Rows to skip; acts instead of `page`.
    var offset: Int? { get set }
    /// The same as `offset`.
    var skip: Int? { get set }
    /// The `next_cursor` of the page before.
    var cursor: String? { get set }
}

extension PagedCall {
    /// The rows asked for.
    public var paging: Paging { Paging(page: page, size: size, limit: limit, offset: offset, skip: skip) }
}

/// Both dialects of paging by row numbers: `page`/`size`, and `limit`/`offset` (or `skip`), which mean rows.
public struct Paging: Sendable, Equatable {
    /// Rows to return.
    public var limit: Int
    /// Rows to skip.
    public var offset: Int

    /// The rows that a client asked for. `limit` wins over `size`, `offset` over `page`; a larger `limit` than 1000 counts as 1000.
    public init(page: Int? = nil, size: Int? = nil, limit: Int? = nil, offset: Int? = nil, skip: Int? = nil, fallback: Int = 10) {
        self.limit = limit.map { min(max($0, 1), 1_000) } ?? size ?? fallback
        self.offset = offset ?? skip ?? ((page ?? 1) - 1) * self.limit
    }

    /// The descriptions of the properties of a call that pages.
    public static let fields: [String: Field] = [
        "page": Field("Number of the page, from 1. Default 1.", .range(1...1_000_000)),
        "size": Field("Rows per page, 1 to 100. Default 10.", .range(1...100)),
        "limit": Field("Rows to return; acts as `size`, at most 1000.", .range(0...1_000_000)),
        "offset": Field("Rows to skip; acts instead of `page`.", .range(0...1_000_000_000)),
        "skip": Field("The same as `offset`.", .range(0...1_000_000_000)),
        "cursor": Field(
            "The next_cursor of the page before, instead of `page` or `offset`: costs the same on every page, and no row is missed.",
            .length(1...1_000)),
    ]
}
