import Testing

@testable import LoadTesting

@Suite struct ServerSentEventParserTests {
    private static let samples: [(text: String, data: [String])] = [
        ("data: a\n\ndata: b\n\n", ["a", "b"]),
        ("data: a\r\n\r\ndata: b\r\n\r\n", ["a", "b"]),
        ("data: a\r\rdata: b\r\r", ["a", "b"]),
        ("data: a\r\ndata: b\rdata: c\n\n", ["a\nb\nc"]),
        ("\u{FEFF}data: x\n\n", ["x"]),
        ("\u{FEFF}\u{FEFF}data: x\n\n", []),
        (": comment\ndata:no space\n:\n\n", ["no space"]),
        ("data:  two spaces\n\n", [" two spaces"]),
        ("data\n\ndata:\ndata:\n\n", ["", "\n"]),
        ("event: only\n\nid: 1\n\n", []),
        ("retry: 10\nunknown: y\ndata: z\n\n", ["z"]),
        ("data: complete\n\ndata: cut off\n", ["complete"]),
        ("\n\n\r\n\rdata: é ü 漢\n\n", ["é ü 漢"]),
        ("", []),
    ]

    private func parse(_ pieces: [[UInt8]], limit: Int = 1 << 20) throws -> [ServerSentEvent] {
        var parser = ServerSentEventParser(limit: limit)
        return try pieces.flatMap { try parser.consume($0) }
    }

    @Test(arguments: samples.indices)
    func readsTheSameAtEverySplitPoint(_ index: Int) throws {
        let sample = Self.samples[index]
        let bytes = Array(sample.text.utf8)
        for first in 0...bytes.count {
            for second in first...bytes.count {
                let events = try parse([Array(bytes[..<first]), Array(bytes[first..<second]), Array(bytes[second...])])
                #expect(events.map { String(decoding: $0.data, as: UTF8.self) } == sample.data)
            }
        }
        #expect(try parse(bytes.map { [$0] }).map { String(decoding: $0.data, as: UTF8.self) } == sample.data)
    }

    @Test func namesTheTypeOnceAndKeepsTheID() throws {
        let events = try parse([Array("event: add\nid: 7\ndata: a\n\ndata: b\n\nid: x\0y\ndata: c\n\nid\ndata: d\n\n".utf8)])
        #expect(
            events == [
                ServerSentEvent(type: "add", data: Array("a".utf8), lastEventID: "7"),
                ServerSentEvent(data: Array("b".utf8), lastEventID: "7"),
                ServerSentEvent(data: Array("c".utf8), lastEventID: "7"),
                ServerSentEvent(data: Array("d".utf8), lastEventID: ""),
            ])
    }

    @Test func aBrokenByteOrderMarkIsText() throws {
        #expect(try parse([[0xEF], [0xBB], Array("\ndata: a\n\n".utf8)]).count == 1)
        #expect(try parse([[0xEF], [0xBB], Array("data: a\n\n".utf8)]).isEmpty)
    }

    @Test func holdsLinesToTheLimitWhereverTheyAreSplit() throws {
        let fits = Array("data:12345\n\n".utf8)
        let long = Array("data:123456\n\n".utf8)
        for split in 0...fits.count {
            #expect(try parse([Array(fits[..<split]), Array(fits[split...])], limit: 10).count == 1)
        }
        for split in 0...long.count {
            #expect(throws: ServerSentEventError.lineTooLong(limit: 10)) {
                try parse([Array(long[..<split]), Array(long[split...])], limit: 10)
            }
        }
    }

    @Test func refusesALineThatNeverEnds() throws {
        var parser = ServerSentEventParser(limit: 1_000)
        #expect(throws: ServerSentEventError.lineTooLong(limit: 1_000)) {
            for _ in 0..<11 { _ = try parser.consume([UInt8](repeating: 0x41, count: 100)) }
        }
    }

    @Test func holdsEventsToTheLimit() throws {
        #expect(throws: ServerSentEventError.eventTooLarge(limit: 20)) {
            try parse([Array(String(repeating: "data:12345\n", count: 10).utf8)], limit: 20)
        }
    }

    @Test func survivesAnyBytes() {
        var random = SplitMix64(state: 1)
        let alphabet = Array("data:event id\r\n\n\r: \u{FEFF}x".utf8)
        for _ in 0..<2_000 {
            let bytes = (0..<Int.random(in: 0..<80, using: &random)).map { _ in alphabet.randomElement(using: &random) ?? 0 }
            var whole = ServerSentEventParser()
            var single = ServerSentEventParser()
            let events = try? whole.consume(bytes)
            #expect(events == bytes.flatMap { (try? single.consume([$0])) ?? [] })
        }
    }
}
