import CatapultAPI
import Testing

@testable import CatapultCLI

@Suite struct TableTests {
    let table = Table(
        columns: [.init(title: "NAME"), .init(title: "N", isNumber: true), .init(title: "TEXT")],
        rows: [["alpha", "7", "short"], ["b", "1234", "a text that is rather long"]]
    )
    let plain = Style(isColoured: false)

    @Test func columnsAreAlignedAndLinesEndWithoutSpaces() {
        #expect(
            table.lines(width: nil, style: plain) == [
                "NAME      N  TEXT",
                "alpha     7  short",
                "b      1234  a text that is rather long",
            ])
    }

    @Test func theWidestColumnGivesWay() {
        let lines = table.lines(width: 26, style: plain)
        #expect(lines[2] == "b      1234  a text that …")
        #expect(lines.allSatisfy { SafeText.width($0) <= 26 })
    }

    @Test func aFixedColumnIsNeverCut() {
        let ids = Table(columns: [.init(title: "ID", isFixed: true), .init(title: "X")], rows: [["0123456789abcdef", "0123456789abcdef"]])
        #expect(ids.lines(width: 20, style: plain)[1] == "0123456789abcdef  0123456…")
    }

    @Test func colourDoesNotCountAsWidth() {
        let coloured = Table(columns: [.init(title: "A"), .init(title: "B")], rows: [[.state("running"), "x"], ["stopped!", "y"]])
        let lines = coloured.lines(width: nil, style: Style(isColoured: true))
        #expect(lines[1] == "\u{1B}[32mrunning\u{1B}[0m   x")
        #expect(lines[2] == "stopped!  y")
    }

    @Test func wideCharactersTakeTwoColumns() {
        #expect(SafeText.width("模型") == 4)
        #expect(SafeText.fit("模型模型", 5) == "模型…")
    }

    @Test func foreignTextCannotSteerTheTerminal() {
        #expect(SafeText.line("a\u{1B}[2Jb\r\nc\u{202E}d") == "a[2Jb cd")
        #expect(SafeText.block("a\tb\nc\rd\u{07}") == "a\tb\nc\nd")
        #expect(Table.Cell("x\u{1B}]0;title\u{07}").text == "x]0;title")
    }
}

@Suite struct OutputTests {
    @Test func colourIsForTerminalsWithoutObjection() {
        #expect(Style(isTerminal: true, environment: [:], noColor: false).isColoured)
        #expect(!Style(isTerminal: false, environment: [:], noColor: false).isColoured)
        #expect(!Style(isTerminal: true, environment: ["NO_COLOR": "1"], noColor: false).isColoured)
        #expect(!Style(isTerminal: true, environment: ["TERM": "dumb"], noColor: false).isColoured)
        #expect(!Style(isTerminal: true, environment: [:], noColor: true).isColoured)
    }

    @Test(arguments: [
        (0, "just now"), (-42, "42 s ago"), (-61, "1 min ago"), (-7_200, "2 h ago"), (-259_200, "3 d ago"), (3_600, "in 1 h"),
        (-90 * 86_400, "2026-06-23"),
    ])
    func timesAreRelative(seconds: Int64, text: String) {
        let now = Timestamp("2026-09-21T12:00:00Z")
        #expect(now.map { RelativeTime.text($0 + .seconds(seconds), now: $0) } == text)
    }

    @Test func jsonIsIndentedForPeople() {
        let value: JSONValue = ["b": [1, [:]], "a": "x\n", "c": []]
        #expect(value.indentedText == "{\n  \"a\": \"x\\n\",\n  \"b\": [\n    1,\n    {}\n  ],\n  \"c\": []\n}")
    }

    @Test func theProgressBarFitsItsWidth() {
        let bar = ProgressBar(label: String(repeating: "long ", count: 40), fraction: 0.5, detail: "1.0 of 2.0 GiB")
        let text = bar.text(width: 79, style: Style(isColoured: false))
        #expect(SafeText.width(text) <= 79)
        #expect(text.hasPrefix(String(repeating: "━", count: 24) + "  50%  1.0 of 2.0 GiB  long"))
        #expect(SafeText.width(bar.text(width: 30, style: Style(isColoured: false))) == 30)
    }
}
