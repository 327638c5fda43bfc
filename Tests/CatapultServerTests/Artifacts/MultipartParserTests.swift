import Testing

@testable import CatapultServer

@Suite struct MultipartParserTests {
    private static let form = """
        preamble\r
        --AaB03x\r
        Content-Disposition: form-data; name="artifact_type"\r
        \r
        wheel\r
        --AaB03x\r
        content-disposition: form-data; name="file"; filename="C:\\models\\a \\"b\\".bin"\r
        Content-Type: application/octet-stream\r
        \r
        \r\r\n--AaB03\r\n--AaB0 nearly\r
        --AaB03x\r
        Content-Disposition: form-data; name=empty\r
        \r
        \r
        --AaB03x--\r
        epilogue
        """

    private struct Part: Equatable {
        var name: String
        var filename: String?
        var content: [UInt8] = []
        var isOver = false
    }

    private static func parse(_ text: String, boundary: String = "AaB03x", pieces: Int) throws -> [Part] {
        var parser = try MultipartParser(boundary: boundary)
        var parts: [Part] = []
        let bytes = Array(text.utf8)
        for start in stride(from: 0, to: bytes.count, by: pieces) {
            try parser.feed(bytes[start..<min(start + pieces, bytes.count)]) { event in
                switch event {
                case .part(let name, let filename): parts.append(Part(name: name, filename: filename))
                case .data(let data): parts[parts.count - 1].content += data
                case .partEnd: parts[parts.count - 1].isOver = true
                case .end: break
                }
            }
        }
        #expect(parser.isOver)
        return parts
    }

    @Test(arguments: [1, 2, 3, 7, 64, 10_000])
    func aFormIsTheSameHoweverItArrives(pieces: Int) throws {
        let parts = try Self.parse(Self.form, pieces: pieces)
        #expect(parts.map(\.name) == ["artifact_type", "file", "empty"])
        #expect(parts.map(\.filename) == [nil, "a \"b\".bin", nil])
        #expect(parts.map(\.content) == [Array("wheel".utf8), Array("\r\r\n--AaB03\r\n--AaB0 nearly".utf8), []])
        #expect(parts.allSatisfy { $0.isOver })
    }

    @Test func aFormThatIsCutOffIsNotOver() throws {
        let bytes = Array(Self.form.utf8)
        let end = bytes.count - "--\r\nepilogue".utf8.count
        var parser = try MultipartParser(boundary: "AaB03x")
        try parser.feed(bytes[..<end]) { _ in }
        #expect(!parser.isOver)
    }

    @Test(arguments: [
        "--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--",
        "--b\r\nContent-Disposition: attachment; name=a\r\n\r\nx\r\n--b--",
        "--b\r\nContent-Disposition: form-data; name=\"\"\r\n\r\nx\r\n--b--",
        "--b\r\nContent-Disposition: form-data; name=\"a\r\n\r\nx\r\n--b--",
        "--b\r\nContent-Disposition: form-data; name=a; name=b\r\n\r\nx\r\n--b--",
        "--b\r\nContent-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b\r\n\r\nx\r\n--b--",
        "--b\r\nContent-Disposition: form-data;\r\n name=a\r\n\r\nx\r\n--b--",
        "--b\r\nContent-Disposition: form-data; name=a\u{0}\r\n\r\nx\r\n--b--",
        "--bX\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n--b--",
        "--b\nContent-Disposition: form-data; name=a\n\nx\n--b--",
        "--b\r\n" + String(repeating: "X-Y: z\r\n", count: 2_000) + "\r\n",
    ])
    func brokenFormsAreRefused(_ text: String) {
        #expect(throws: MultipartParser.Failure.self) { _ = try Self.parse(text, boundary: "b", pieces: 1) }
        #expect(throws: MultipartParser.Failure.self) { _ = try Self.parse(text, boundary: "b", pieces: 1_000_000) }
    }

    @Test func manyPartsAreRefused() throws {
        let part = "--b\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n"
        let allowed = String(repeating: part, count: MultipartParser.mostParts) + "--b--"
        #expect(try Self.parse(allowed, boundary: "b", pieces: 100).count == MultipartParser.mostParts)
        #expect(throws: MultipartParser.Failure.self) { _ = try Self.parse(part + allowed, boundary: "b", pieces: 100) }
    }

    @Test(arguments: ["", String(repeating: "x", count: 71), "a\r\nb", "ends with space "])
    func brokenBoundariesAreRefused(_ boundary: String) {
        #expect(throws: MultipartParser.Failure.self) { _ = try MultipartParser(boundary: boundary) }
    }
}
