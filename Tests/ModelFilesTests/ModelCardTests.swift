import Testing

@testable import ModelFiles

@Suite struct ModelCardTests {
    @Test func readsTheFrontMatter() throws {
        let card = try ModelCard(
            bytes(
                """
                ---
                license: apache-2.0
                language:
                - en
                - no
                tags: [chat, "tool: use"]
                base_model: acme/base-7b
                datasets:
                  - acme/words
                library_name: transformers
                pipeline_tag: text-generation
                model-index:
                - name: x
                  results: [{task: {type: a}}]
                ---
                # A title

                ```
                code first
                ```
                The model answers
                questions.

                More.
                """))
        #expect(card.license == "apache-2.0")
        #expect(card.languages == ["en", "no"])
        #expect(card.tags == ["chat", "tool: use"])
        #expect(card.baseModels == ["acme/base-7b"])
        #expect(card.datasets == ["acme/words"])
        #expect(card.library == "transformers")
        #expect(card.task == "text-generation")
        #expect(card.summary == "The model answers questions.")
    }

    @Test func aCardWithoutFrontMatterHasOnlyWords() throws {
        let card = try ModelCard(bytes("# Title\r\n\r\nHello there.\r\n"))
        #expect(card.license == nil)
        #expect(card.summary == "Hello there.")
    }

    @Test(arguments: [
        "a: &x [1]\nb: *x", "? a\n: b", String(repeating: "[", count: 60_000), "a:\n" + String(repeating: " ", count: 80) + "b: c",
        String(repeating: "- ", count: 1_000) + "a", String(repeating: "{a: ", count: 1_000), "a: [b", "\tx: [",
    ])
    func hostileFrontMatterIsRefused(yaml: String) {
        #expect(throws: ModelFileError.self) { try ModelCard(bytes("---\n\(yaml)\n---\n")) }
    }

    @Test func randomFrontMatterOnlyEverThrowsTypedErrors() {
        var numbers = SeededNumbers(state: 4)
        let alphabet = Array("ab:-[]{}'\"#|>!%@&*?, \n\t~".utf8)
        for _ in 0..<5_000 {
            let text = (0..<Int.random(in: 0...80, using: &numbers)).map { _ in alphabet[Int.random(in: alphabet.indices, using: &numbers)]
            }
            do throws(ModelFileError) {
                _ = try ModelCard(MemoryBytes(Array("---\n".utf8) + text + Array("\n---\n".utf8)))
            } catch {
                #expect(error.kind == .malformed || error.kind == .beyondLimit)
            }
        }
    }

    @Test(arguments: [
        ("Apache License\n                 Version 2.0, January 2004", "Apache-2.0"),
        (
            "MIT License\n\nPermission is hereby granted, free of charge, to any person … The above copyright notice and this permission notice shall be included in",
            "MIT"
        ),
        ("GNU AFFERO GENERAL PUBLIC LICENSE\n Version 3, 19 November 2007", "AGPL-3.0"),
        ("LLAMA 3.1 COMMUNITY LICENSE AGREEMENT", "llama3.1"),
    ])
    func knowsLicensesByTheirBeginnings(text: String, identifier: String) throws {
        #expect(try LicenseText.identifier(bytes(text)) == identifier)
    }

    @Test func isSilentAboutOtherLicenses() throws { #expect(try LicenseText.identifier(bytes("All rights reserved. MIT.")) == nil) }
}
