import CatapultAPI

/// A thing as search sees it: its texts by weight, its properties, its numbers. Documents of the index and the hits that people see are
/// both made of it, so what is highlighted is what was found.
struct SearchRecord: Equatable {
    /// How much it says that a word stands in a text.
    enum Section: Int, CaseIterable {
        case name
        case tag
        case text
    }

    struct Field: Equatable {
        /// The name in the contract, as `matched` and `highlights` show it.
        var name: String
        var section: Section
        var text: String
    }

    var kind: SearchIndex.Kind
    var id: String
    /// What commands take.
    var name: String
    var subtitle: String
    var fields: [Field]
    var properties: [(SearchQuery.Property, String)] = []
    var parameters: Int64?
    var sizeBytes: Int64?
    var createdAt: Timestamp
    /// The model of a version: its words count for the version as well.
    var modelID: String?
    /// The model and the environment that it is about, for the scope of keys.
    var modelName: String?
    var environment: String?

    static func == (left: SearchRecord, right: SearchRecord) -> Bool {
        SearchDocument(left) == SearchDocument(right) && left.name == right.name && left.subtitle == right.subtitle
    }
}

/// What the index keeps of a thing.
struct SearchDocument: Equatable {
    var kind: SearchIndex.Kind
    var id: String
    var modelID: String?
    var modelName: String?
    var environment: String?
    /// The name folded as a whole.
    var name: String
    /// Four sections, `names|tags|texts|properties`: folded pieces with a blank around each, `;` between values, `=` around properties.
    var terms: String
    /// The terms under which the document is found.
    var postings: Set<String>
    var parameters: Int64?
    var sizeBytes: Int64?
    var createdAt: Timestamp

    /// Pieces of one section that are indexed; the rest of a long text is not.
    private static let mostPieces = 200
    /// Longer names are found by their pieces.
    private static let longestWhole = 100

    init(_ record: SearchRecord) {
        kind = record.kind
        id = record.id
        modelID = record.modelID
        modelName = record.modelName
        environment = record.environment
        parameters = record.parameters
        sizeBytes = record.sizeBytes
        createdAt = record.createdAt
        let names = record.fields.filter { $0.section == .name }.map(\.text)
        name = SearchText.folded(names.first ?? "")
        var postings: Set<String> = []
        var sections: [String] = []
        for section in SearchRecord.Section.allCases {
            var left = Self.mostPieces
            var values: [String] = []
            for field in record.fields where field.section == section && left > 0 {
                // `ModelSearch` counts on all words of names and repositories.
                let isWhole = section == .name || field.name == "repository"
                let pieces = SearchText.pieces(field.text, limit: isWhole ? .max : left).map { String($0.text.prefix(Self.longestWhole)) }
                left -= pieces.count
                guard !pieces.isEmpty else { continue }
                values.append(" " + pieces.joined(separator: " ") + " ")
                // The digits of a million versions would make terms that say nothing: a version is found by the beginning of its number.
                if !(record.kind == .version && section == .name) { postings.formUnion(pieces) }
                postings.formUnion(Self.runs(field.text))
            }
            sections.append(values.joined(separator: ";"))
        }
        let properties = record.properties.map(SearchQuery.term)
        sections.append(properties.isEmpty ? "" : "=" + properties.joined(separator: "=") + "=")
        terms = sections.joined(separator: "|")
        if record.kind == .version {
            for name in names.map(SearchText.folded) where name.count <= Self.longestWhole {
                postings.insert(name)
                if name.first == "v", name.dropFirst().first?.isNumber == true { postings.insert(String(name.dropFirst())) }
            }
        } else if name.count <= Self.longestWhole {
            postings.insert("=" + name)
            if let slash = name.lastIndex(of: "/") { postings.insert("=" + name[name.index(after: slash)...]) }
        }
        // Almost every version is active and none of the others: such terms would only be long.
        postings.formUnion(properties.filter { $0 != "status:active" && $0 != "release:false" })
        self.postings = postings
    }

    /// Runs of letters and digits that hold both, such as `8b` and `q4`: rarer than their pieces, hence quicker to look up.
    static func runs(_ text: String) -> [String] {
        text.split { !$0.isLetter && !$0.isNumber }.prefix(mostPieces).compactMap { run in
            run.contains(where: \.isNumber) && run.contains(where: \.isLetter) && run.count <= 24 ? SearchText.folded(String(run)) : nil
        }
    }
}
