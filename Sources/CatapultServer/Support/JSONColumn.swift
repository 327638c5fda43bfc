import CatapultAPI
import SQLDatabase

/// A JSON value in a TEXT column.
struct JSONColumn: SQLValueEncodable, SQLValueDecodable {
    var value: JSONValue

    init(_ value: JSONValue) { self.value = value }
    init(_ members: [String: JSONValue]) { value = .object(members) }
    init(_ texts: [String]) { value = .array(texts.map(JSONValue.string)) }
    init(_ texts: [String: String]) { value = .object(texts.mapValues(JSONValue.string)) }

    static var sqlType: SQLType { .text }
    var sqlValue: SQLValue { .text(value.jsonText) }

    static func decode(_ column: SQLColumn) throws -> JSONColumn {
        let text = try column.text()
        // Most rows have nothing here; the parser need not run for them.
        if text == "{}" { return JSONColumn([String: JSONValue]()) }
        if text == "[]" { return JSONColumn([String]()) }
        guard let value = try? JSONParser.parse(text.utf8) else { throw column.conversionError(expected: "JSON") }
        return JSONColumn(value)
    }

    /// The members of an object; empty for anything else.
    var members: [String: JSONValue] { value.objectValue ?? [:] }
    /// The strings of an array.
    var texts: [String] { (value.arrayValue ?? []).compactMap(\.stringValue) }
    /// The string members of an object.
    var textMembers: [String: String] { members.compactMapValues(\.stringValue) }
}
