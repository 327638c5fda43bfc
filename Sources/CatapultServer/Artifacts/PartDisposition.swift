/// What the headers of a form's part say of it: `Content-Disposition: form-data; name="…"; filename="…"` (RFC 7578, section 4.2).
struct PartDisposition: Sendable, Equatable {
    let name: String
    let filename: String?

    /// Reads the header lines of a part, without the CRLF of the last one.
    init(headerLines: ArraySlice<UInt8>) throws(MultipartParser.Failure) {
        guard let text = String(validating: headerLines, as: UTF8.self) else {
            throw MultipartParser.Failure(reason: "has part headers that are not UTF-8")
        }
        var found: [String: String]?
        for line in text.isEmpty ? [] : Self.lines(of: text) {
            guard let colon = line.firstIndex(of: ":"), colon != line.startIndex, line.first != " ", line.first != "\t",
                line.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F || $0 == "\t" })
            else { throw MultipartParser.Failure(reason: "has a part with a header line that is none") }
            guard line[..<colon].lowercased() == "content-disposition" else { continue }
            guard found == nil else { throw MultipartParser.Failure(reason: "has a part with two Content-Disposition lines") }
            found = try Self.parameters(line[line.index(after: colon)...])
        }
        guard let name = found?["name"], !name.isEmpty else {
            throw MultipartParser.Failure(reason: "has a part without Content-Disposition: form-data and a name")
        }
        self.name = name
        filename = found?["filename"].map { name in
            // Some clients send the whole path of the file on their machine.
            name.split(whereSeparator: { $0 == "/" || $0 == "\\" }).last.map(String.init) ?? ""
        }
    }

    /// Swift takes CRLF for one character.
    private static func lines(of text: String) -> [Substring] { text.split(separator: "\r\n", omittingEmptySubsequences: false) }

    private static func parameters(_ text: Substring) throws(MultipartParser.Failure) -> [String: String] {
        var rest = text
        func skipSpace() { rest = rest.drop { $0 == " " || $0 == "\t" } }
        skipSpace()
        guard rest.prefix(while: { $0 != ";" }).trimmingSpace.lowercased() == "form-data" else {
            throw MultipartParser.Failure(reason: "has a part that is not form-data")
        }
        rest = rest.drop { $0 != ";" }
        var found: [String: String] = [:]
        while rest.first == ";" {
            rest.removeFirst()
            skipSpace()
            if rest.isEmpty { break }
            guard let equals = rest.firstIndex(of: "=") else { throw MultipartParser.Failure(reason: "has a part with a broken parameter") }
            let key = rest[..<equals].trimmingSpace.lowercased()
            rest = rest[rest.index(after: equals)...]
            let value = rest.first == "\"" ? try quoted(&rest) : String(rest.prefix { $0 != ";" && $0 != " " && $0 != "\t" })
            if rest.first != ";" { rest = rest.drop { $0 != ";" } }
            guard found.updateValue(value, forKey: key) == nil else {
                throw MultipartParser.Failure(reason: "has a part with the parameter \(key) twice")
            }
        }
        return found
    }

    /// A quoted string. Browsers write a quote as `%22` (WHATWG HTML, multipart form data), others as `\"`; a backslash before anything else
    /// is one of a path.
    private static func quoted(_ rest: inout Substring) throws(MultipartParser.Failure) -> String {
        rest.removeFirst()
        var value = ""
        while let character = rest.popFirst() {
            switch character {
            case "\"": return value.replacing("%22", with: "\"").replacing("%0D", with: "").replacing("%0A", with: " ")
            case "\\" where rest.first == "\"" || rest.first == "\\":
                if let escaped = rest.popFirst() { value.append(escaped) }
            default: value.append(character)
            }
        }
        throw MultipartParser.Failure(reason: "has a part with a quote that does not end")
    }
}

extension Substring {
    fileprivate var trimmingSpace: Substring {
        var text = self.drop { $0 == " " || $0 == "\t" }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return text
    }
}
