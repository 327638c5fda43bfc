import Testing

@testable import Catapult

@Suite struct StreamParsingTests {
    /// Feeds a text in pieces of every length from one byte on, so that each boundary falls everywhere.
    private func inPieces<Result: Equatable>(_ text: String, _ read: ([ArraySlice<UInt8>]) throws -> Result) throws -> Set<String> {
        let bytes = Array(text.utf8)
        return try Set(
            (1...bytes.count).map { size in
                "\(try read(stride(from: 0, to: bytes.count, by: size).map { bytes[$0..<min($0 + size, bytes.count)] }))"
            })
    }

    @Test func linesEndAtLineFeeds() throws {
        let results = try inPieces("one\r\ntwo\n\nthrée") { pieces in
            var splitter = LineSplitter()
            return pieces.flatMap { splitter.consume($0) } + [splitter.finish()].compactMap { $0 }
        }
        #expect(results == ["\(["one", "two", "", "thrée"])"])
    }

    @Test func aLineWithoutEndIsHandedOutInPieces() {
        var splitter = LineSplitter(longestLine: 4)
        #expect(splitter.consume("abcdefghi".utf8) == ["abcd", "efgh"])
        #expect(splitter.finish() == "i")
    }

    @Test func eventsAreReadHoweverTheyAreCut() throws {
        let text = "\u{FEFF}: comment\ndata: a\ndata:b\r\n\r\nevent: end\rdata\r\rid: 7\nretry: 1\n\ndata:  two\n\ndata: unfinished"
        let results = try inPieces(text) { pieces in
            var parser = EventStreamParser()
            return try pieces.flatMap { try parser.consume($0) }
        }
        let expected = [
            ServerSentEvent(data: "a\nb"), ServerSentEvent(event: "end", data: ""), ServerSentEvent(data: " two"),
        ]
        #expect(results == ["\(expected)"])
    }

    @Test func anEventThatIsTooLongIsRefused() {
        var parser = EventStreamParser(longestEvent: 12)
        #expect(throws: EventStreamParser.TooLong.self) { try parser.consume("data: 12345\ndata: 67890".utf8) }
    }
}
