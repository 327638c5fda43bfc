import CatapultAPI

/// The fields of a call that travel beside a file: in the query, or as parts of a form.
struct FormFields<Call: APICall>: Sendable {
    private var fields: [(String, String)]

    init(query: [(String, String)]) { fields = query }

    /// Adds a part of the form; an empty one counts as absent, since forms send all their fields.
    mutating func add(_ name: String, _ value: String) {
        if !value.isEmpty { fields.append((name, value)) }
    }

    /// The call that the fields make.
    /// - Throws: 422 with everything that is wrong with them.
    func decoded() throws(CatapultError) -> Call {
        try RequestDecoder.decode(Call.self, path: [:], query: fields, body: nil).call
    }
}
