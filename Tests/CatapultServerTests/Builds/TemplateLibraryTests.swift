import CatapultAPI
import Foundation
import Testing

@testable import CatapultServer

@Suite("Template library")
struct TemplateLibraryTests {
    @Test("A template that is dropped in, changed or removed is there, changed or gone at the next question")
    func changes() async throws {
        try await BuildLab.with { lab in
            #expect(lab.templates.contents().templates.isEmpty)
            try lab.addTemplate("first")
            #expect(lab.templates.contents().sorted.map(\.name) == ["first"])
            try lab.addTemplate("second", types: ["whisper"])
            #expect(lab.templates.contents().sorted.map(\.name) == ["first", "second"])

            try lab.write("echo a longer script\n", to: "templates/first/run.sh")
            #expect(lab.templates.contents().templates["first"]?.files.first.map { String(buffer: $0.bytes) } == "echo a longer script\n")
            try FileManager.default.removeItem(atPath: "\(lab.directory)/templates/second")
            #expect(lab.templates.contents().sorted.map(\.name) == ["first"])
        }
    }

    @Test("A broken template does not stop the others, and is refused with the reason")
    func broken() async throws {
        try await BuildLab.with { lab in
            try lab.addTemplate("good")
            try lab.addTemplate("bad", types: ["whisper"])
            try FileManager.default.removeItem(atPath: "\(lab.directory)/templates/bad/run.sh")
            let contents = lab.templates.contents()
            #expect(try contents.named("good").name == "good")
            let error = #expect(throws: CatapultError.self) { try contents.named("bad") }
            #expect(error?.status == 409)
            #expect(error?.code == "template_broken")
            #expect(error?.message == "The template bad cannot be used: run.sh: cannot be read: No such file or directory")
        }
    }

    @Test("A link in a template's folder leads nowhere")
    func links() async throws {
        try await BuildLab.with { lab in
            try lab.addTemplate("linked")
            try FileManager.default.removeItem(atPath: "\(lab.directory)/templates/linked/run.sh")
            try FileManager.default.createSymbolicLink(
                atPath: "\(lab.directory)/templates/linked/run.sh", withDestinationPath: "/etc/hostname")
            #expect(lab.templates.contents().problems["linked"]?.description == "run.sh: must not be a symbolic link")
        }
    }

    @Test("Two templates cannot share a server type")
    func sharedType() async throws {
        try await BuildLab.with { lab in
            try lab.addTemplate("a")
            try lab.addTemplate("b")
            #expect(
                lab.templates.contents().problems["b"]?.description
                    == "template.yml: server_types: 'generic' is a server type of the template 'a' already")
        }
    }

    @Test("A build type is a template's name, or leaves the choice to the server type")
    func choice() async throws {
        let contents = TemplateLibrary(directory: TemplateManifestTests.shipped, logger: BuildLab.logger).contents()
        func name(_ buildType: String, _ type: ServerType?) throws -> String {
            try contents.choose(buildType: buildType, serverType: type, model: "m").name
        }
        #expect(try name("organic", .llamaCpp) == "llama-cpp")
        #expect(try name("default", .vllm) == "vllm")
        #expect(try name("organic", .custom) == "generic")
        #expect(try name("vllm", .llamaCpp) == "vllm")

        for type in ["test", "optimized", "azure", "asr-vllm"] {
            let error = #expect(throws: CatapultError.self) { try name(type, .vllm) }
            #expect(error?.status == 404)
            #expect(error?.type == "TemplateNotFoundError")
            #expect(error?.candidates == ["generic", "llama-cpp", "vllm"])
            #expect(error?.details["template_path"] == .string(type))
        }
        let none = #expect(throws: CatapultError.self) { try name("organic", .whisper) }
        #expect(none?.status == 404)
        #expect(none?.message == "There is no template for the server type whisper of m")
        let unknown = #expect(throws: CatapultError.self) { try name("organic", nil) }
        #expect(unknown?.status == 400)
        #expect(unknown?.field == "build_type")
    }
}
