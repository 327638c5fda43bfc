import CatapultAPI
import SQLDatabase

/// The part of a list that a client asked for: so many rows, from a row number or from where a cursor says that the last page ended.
struct PageWindow: Sendable {
    /// The most rows that are counted where nobody keeps their number.
    static let countingLimit = 1_000

    /// Rows of the page.
    let limit: Int
    /// How many rows come before the page.
    let row: Int
    private let after: PageKey?
    private let list: String

    /// The window of a call. Throws 422 for a cursor that is none, is of another list, or comes with a page number.
    init<Call: PagedCall>(_ call: Call) throws {
        let paging = call.paging
        limit = paging.limit
        list = try PageCursor.list(of: call)
        guard let text = call.cursor else {
            row = paging.offset
            after = nil
            return
        }
        func refusal(_ message: String) -> CatapultError {
            .unprocessable([FieldProblem(kind: .value, part: .query, location: ["cursor"], message: message, input: .string(text))])
        }
        guard paging.offset == 0 else {
            throw refusal("says where the page begins, so page, offset and skip cannot say it too; leave them out")
        }
        guard let cursor = PageCursor(text) else {
            throw refusal("is no cursor of this server; take it unchanged from next_cursor, or leave it out to begin at the first page")
        }
        guard cursor.list == list else {
            throw refusal("belongs to another list or to other filters; repeat those that it came with, or leave it out to begin anew")
        }
        row = cursor.row
        after = cursor.key
    }

    /// Selects the rows of the page and one more, which tells whether there is another page.
    ///
    /// - Parameters:
    ///   - selection: `SELECT … FROM …`, with every join that the conditions need.
    ///   - source: the `FROM` of those joins that the conditions need, for passing over rows without reading them.
    ///   - conditions: what the filters mean.
    func query(_ selection: SQLQuery, from source: SQLQuery, order: PageOrder, where conditions: [SQLQuery]) -> SQLQuery {
        var conditions = conditions
        if let after { conditions.append(order.condition(after: after)) }
        let filter: SQLQuery = conditions.isEmpty ? "TRUE" : conditions.joined(separator: " AND ")
        guard after == nil, row > 0 else { return "\(selection) WHERE \(filter) ORDER BY \(order.clause) LIMIT \(limit + 1)" }
        // Rows that are passed over are only looked up in the index; the page's own are read whole.
        return """
            \(selection) WHERE \(order.id) IN (SELECT \(order.id) FROM \(source) WHERE \(filter) ORDER BY \(order.clause)
                LIMIT \(limit + 1) OFFSET \(row)) ORDER BY \(order.clause)
            """
    }

    /// The envelope of the rows that ``query(_:from:order:where:)`` selected.
    func page<Row>(_ rows: [Row], total: RowTotal, key: (Row) -> PageKey) -> Page<Row> {
        let items = Array(rows.prefix(limit))
        let hasMore = rows.count > limit
        let next = hasMore ? items.last.map { PageCursor(key: key($0), row: row + limit, list: list).text } : nil
        let number = row / limit + 1
        switch total {
        case .exact(let total): return Page(items: items, total: total, page: number, size: limit, nextCursor: next)
        case .atLeast(let counted):
            // The last page shows the number, unless rows came and went between the pages of a cursor.
            let isLast = after == nil && !hasMore && !items.isEmpty
            return Page(
                items: items, total: isLast ? row + items.count : max(counted, row + items.count + (hasMore ? 1 : 0)), page: number,
                size: limit, nextCursor: next, totalIsExact: isLast)
        }
    }
}

/// The order of a list: that of an index, with the id as the last word, so that no two rows share a place.
struct PageOrder: Sendable {
    /// What follows `ORDER BY`.
    let clause: SQLQuery
    /// The column that identifies a row.
    let id: SQLQuery
    private let moment: SQLQuery?

    /// Newest first.
    static func newestFirst(_ moment: SQLQuery, id: SQLQuery) -> PageOrder {
        PageOrder(clause: "\(moment) DESC, \(id) DESC", id: id, moment: moment)
    }

    /// By a unique name.
    static func byName(_ name: SQLQuery) -> PageOrder { PageOrder(clause: name, id: name, moment: nil) }

    fileprivate func condition(after key: PageKey) -> SQLQuery {
        switch (key, moment) {
        case (.age(let time, let last), let moment?): "(\(moment), \(id)) < (\(time), \(last))"
        case (.name(let last), nil): "\(id) > \(last)"
        // The cursor names its list, and a list has one order.
        default: "FALSE"
        }
    }
}

/// How many rows a list has.
enum RowTotal: Sendable, Equatable {
    case exact(Int)
    /// Counting stopped here.
    case atLeast(Int)

    /// Counts rows, but no more than ``PageWindow/countingLimit``: the cost of a list must not grow with the registry.
    ///
    /// - Parameter rows: a `SELECT` of the rows, without order.
    static func counting(_ rows: SQLQuery, in connection: any SQLConnection) throws -> RowTotal {
        let limit = PageWindow.countingLimit
        let count = Int(try connection.fetchInt("SELECT count(*) FROM (\(rows) LIMIT \(limit + 1)) AS counted") ?? 0)
        return count > limit ? .atLeast(count) : .exact(count)
    }

    /// A number that triggers keep.
    static func kept(_ query: SQLQuery, in connection: any SQLConnection) throws -> RowTotal {
        .exact(Int(try connection.fetchInt(query) ?? 0))
    }
}
