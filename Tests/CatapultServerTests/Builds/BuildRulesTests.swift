import CatapultAPI
import ContainerEngine
import Testing

@testable import CatapultServer

@Suite("Image tags")
struct ImageTagTests {
    @Test(
        "An image is called after model and version",
        arguments: [
            ("gpt-model", "1.0", nil, "gpt-model:1.0"),
            ("Team/GPT Model", "1.0", "Q4_K_M", "team/gpt-model:1.0-Q4_K_M"),
            ("a..b__C--d", "2+cuda", nil, "a.b_c-d:2-cuda"),
            ("-x-/_/y.", "1", "", "x/y:1"),
            ("Ünï", "v1", nil, "n:v1"),
            ("日本", "v1", nil, "model:v1"),
        ])
    func standard(model: String, version: String, quantization: String?, expected: String) throws {
        let tag = ImageTag.standard(model: model, version: version, quantization: quantization)
        #expect(tag == expected)
        try ImageTag.check(tag)
    }

    @Test("Long names give a tag that is allowed")
    func long() throws {
        let tag = ImageTag.standard(
            model: String(repeating: "a-b/", count: 70), version: String(repeating: "1.", count: 250), quantization: "Q4")
        try ImageTag.check(tag)
    }

    @Test("Good tags", arguments: ["a:1", "team/gpt-model:1.0", "host.example:5000/team/model:v1_2", "localhost:5000/x:latest"])
    func good(tag: String) throws { try ImageTag.check(tag) }

    @Test(
        "Bad tags are told with the reason",
        arguments: [
            ("model", "it has no colon with a tag behind it"),
            ("host:5000/model", "it has no colon with a tag behind it"),
            ("Model:1", "the repository has upper-case letters"),
            ("model:", "it has characters, or an order of them, that image names do not have"),
            ("model:-1", "it has characters, or an order of them, that image names do not have"),
            ("a//b:1", "it has characters, or an order of them, that image names do not have"),
            ("a b:1", "it has characters, or an order of them, that image names do not have"),
            ("a:1\n", "it has characters, or an order of them, that image names do not have"),
            ("-a:1", "it has characters, or an order of them, that image names do not have"),
            ("a:1@sha256:00", "it has a digest, which only the result of a build has"),
            ("a:\(String(repeating: "1", count: 129))", "what follows the colon has more than 128 characters"),
            (String(repeating: "a", count: 300) + ":1", "it has more than 256 characters"),
        ])
    func bad(tag: String, reason: String) {
        let error = #expect(throws: CatapultError.self) { try ImageTag.check(tag) }
        #expect(error?.status == 400)
        #expect(error?.type == "InvalidImageTagError")
        #expect(error?.details["tag"] == .string(tag))
        #expect(error?.details["reason"] == .string(reason))
    }
}

@Suite("Build arguments")
struct BuildArgumentsTests {
    @Test(
        "Names and values that no Dockerfile takes are refused",
        arguments: [
            ("1A", "x"), ("A-B", "x"), ("", "x"), ("A B", "x"), ("Ä", "x"), ("A", "two\nlines"), ("A", "bell\u{7}"), ("A", "nul\0"),
            ("BASE_IMAGE", "Not An Image"), ("MODEL_NAME", "../etc"), ("MODEL_NAME", ""), ("A", String(repeating: "x", count: 40_000)),
        ])
    func bad(name: String, value: String) {
        let error = #expect(throws: CatapultError.self) { try BuildArguments.check([name: value]) }
        #expect(error?.status == 400)
        #expect(error?.field == "build_args")
    }

    @Test("Others are taken")
    func good() throws {
        try BuildArguments.check([
            "_a1": "any text, with = and spaces ü", "BASE_IMAGE": "host:5000/a/b:1.0", "MODEL_NAME": "tiny.1-a_b", "EMPTY": "",
        ])
    }

    @Test("The build's base image goes before the server's; the template's is left to the Dockerfile")
    func order() {
        #expect(BuildArguments.all(asked: [:], modelFolder: "Tiny Model", baseImage: nil) == ["MODEL_NAME": "Tiny-Model"])
        #expect(BuildArguments.all(asked: [:], modelFolder: "m", baseImage: "s:1") == ["MODEL_NAME": "m", "BASE_IMAGE": "s:1"])
        #expect(
            BuildArguments.all(asked: ["BASE_IMAGE": "b:1", "MODEL_NAME": "n", "X": "y"], modelFolder: "m", baseImage: "s:1")
                == ["MODEL_NAME": "n", "BASE_IMAGE": "b:1", "X": "y"])
    }

    @Test("What a template does not declare is named")
    func unknown() throws {
        let manifest = try TemplateManifest(parsing: BuildLab.manifest("script"), folder: "script")
        #expect(BuildArguments.unknown(["MODEL_NAME": "", "HTTP_PROXY": "", "Z": "", "A": ""], to: manifest) == ["A", "Z"])
    }
}

@Suite("Build progress")
struct BuildProgressTests {
    @Test("Sending is reported in twentieths, from little to less than half")
    func sending() {
        var progress = BuildProgress(contextBytes: 1_000)
        var reports: [BuildProgress.Report] = []
        for _ in 0..<1_000 { if let report = progress.didSend(1) { reports.append(report) } }
        #expect(reports.count == 20)
        #expect(reports.map(\.share) == reports.map(\.share).sorted())
        #expect(reports.last == BuildProgress.Report(share: 0.4, message: "sending the files: 1000 B of 1000 B"))
        #expect(progress.didSend(1) == nil)
    }

    @Test("Docker's steps move it on, and get a line that older clients draw from")
    func steps() throws {
        var progress = BuildProgress(contextBytes: 0)
        let first = progress.didSay(.output("Step 1/4 : FROM base"))
        #expect(first.log == "#1 [build 1/4] FROM base\nStep 1/4 : FROM base")
        #expect(first.report == BuildProgress.Report(share: 0.4, message: "step 1/4: FROM base"))
        #expect(progress.didSay(.output("\n")) == ("\n", nil))
        #expect(progress.didSay(.output("Step 2/4 : RUN x")).report?.share == 0.55)
        #expect(progress.step?.instruction == "RUN x")
        #expect(progress.didSay(.image(id: "sha256:1")) == ("", nil))
    }

    @Test(
        "A step that prints what looks like a step changes nothing",
        arguments: ["Step 2/9 : RUN", "Step 4/4 : RUN", "Step 1/4 : RUN", "Step 2/4 RUN"])
    func imitation(text: String) {
        var progress = BuildProgress(contextBytes: 0)
        _ = progress.didSay(.output("Step 1/4 : FROM base"))
        #expect(progress.didSay(.output(text)) == (text, nil))
        #expect(progress.step?.number == 1)
    }

    @Test("Transfers are told without their bars")
    func transfers() {
        var progress = BuildProgress(contextBytes: 0)
        #expect(progress.didSay(.status(id: "abc", text: "Downloading", progress: "[=>  ]")).log == "")
        #expect(progress.didSay(.status(id: "abc", text: "Download complete", progress: nil)).log == "abc: Download complete\n")
    }

    @Test("Output without end is cut, and says so once")
    func endless() {
        var progress = BuildProgress(contextBytes: 0)
        let piece = String(repeating: "x", count: 1 << 20)
        var kept = 0
        var notes = 0
        for _ in 0..<40 {
            let text = progress.didSay(.output(piece)).log
            if text == piece { kept += 1 } else if text.contains("left out") { notes += 1 } else { #expect(text.isEmpty) }
        }
        #expect(kept == 16)
        #expect(notes == 1)
    }
}

@Suite("Build labels") struct BuildLabelsTests {
    @Test func valuesCannotLeaveTheirQuotes() {
        #expect(BuildLabels.quoted("Team/Tiny Model") == "\"Team/Tiny Model\"")
        #expect(BuildLabels.quoted(#"a"b\c$d"#) == #""a\"b\\c\$d""#)
    }
}
