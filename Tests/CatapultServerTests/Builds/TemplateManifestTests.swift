import CatapultAPI
import Foundation
import Testing

@testable import CatapultServer

@Suite("Template manifests")
struct TemplateManifestTests {
    static let shipped = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../Templates").standardizedFileURL.path

    @Test("The templates of the package load, and their Dockerfiles agree with their manifests")
    func shippedTemplates() throws {
        let contents = TemplateLibrary(directory: Self.shipped, logger: BuildLab.logger).contents()
        #expect(contents.problems.isEmpty, "\(contents.problems)")
        #expect(contents.sorted.map(\.name) == ["generic", "llama-cpp", "vllm"])
        for template in contents.sorted {
            #expect(template.dockerfile.contains("ARG BASE_IMAGE=\(template.manifest.baseImage)\n"))
            for argument in template.manifest.buildArgs {
                #expect(template.dockerfile.contains("ARG \(argument.name)="), "\(argument.name)")
            }
            for file in template.manifest.files { #expect(template.dockerfile.contains(file)) }
            #expect(template.dockerfile.contains("\(template.manifest.modelPath)/"))
        }
        let llama = try #require(contents.templates["llama-cpp"]?.resource)
        #expect(
            llama.environment.first
                == TemplateParameter(name: "CTX", default: "2048", description: "Context window of one request in tokens"))
        #expect(llama.serverTypes == ["gguf", "llama-cpp"])
        #expect(contents.templates["vllm"]?.resource.requiresGPU == true)
    }

    @Test("A whole manifest is read")
    func whole() throws {
        let manifest = try TemplateManifest(parsing: BuildLab.manifest("script"), folder: "script")
        #expect(manifest.name == "script")
        #expect(manifest.files == ["run.sh"])
        #expect(manifest.port == 8_000)
        #expect(manifest.environment == [TemplateParameter(name: "CTX", default: "2048", description: "Context window")])
        #expect(manifest.buildArgs.map(\.name) == ["MODEL_NAME", "BASE_IMAGE"])
    }

    @Test(
        "A bad line is told with its key",
        arguments: [
            ("port: 8000", "port: 70000", "template.yml: port: must be a number from 1 to 65535"),
            ("port: 8000", "port: \"8000\"", "template.yml: port: must be a number from 1 to 65535"),
            ("port: 8000", "port: 8000.5", "template.yml: port: must be a number from 1 to 65535"),
            ("port: 8000\n", "", "template.yml: port: is missing"),
            ("port: 8000", "port: 8000\nports: 1", "template.yml: ports: is not a key of a manifest"),
            ("requires_gpu: false", "requires_gpu: 0", "template.yml: requires_gpu: must be true or false"),
            ("requires_gpu: false", "requires_gpu: \"false\"", "template.yml: requires_gpu: must be true or false"),
            ("health_path: /health", "health_path: health", "template.yml: health_path: must be a path that begins with '/'"),
            ("endpoints: [/health]", "endpoints: /health", "template.yml: endpoints: must be a list"),
            ("endpoints: [/health]", "endpoints: [/health, /health]", "template.yml: endpoints.1: '/health' stands in the list twice"),
            ("files: [run.sh]", "files: [../run.sh]", "template.yml: files.0: must be one file name"),
            ("files: [run.sh]", "files: [Dockerfile]", "template.yml: files.0: 'Dockerfile' stands in the build context already"),
            ("model_path: model", "model_path: /etc", "template.yml: model_path: must be one file name"),
            ("model_path: model", "model_path: Dockerfile", "template.yml: model_path: must not be 'Dockerfile'"),
            ("model_path: model", "model_path: run.sh", "template.yml: files.0: 'run.sh' stands in the build context already"),
            ("dockerfile: Dockerfile", "dockerfile: a/Dockerfile", "template.yml: dockerfile: must be one file name"),
            ("base_image: catapult-builds-none:1", "base_image: Up:per", "template.yml: base_image: must be the reference of an image"),
            ("{name: MODEL_NAME,", "{name: MODEL-NAME,", "template.yml: build_args.0.name: must be a variable's name"),
            ("{name: MODEL_NAME,", "{name: MODEL_NAME, default: a,", "template.yml: build_args.0.default: is not a key of a manifest"),
            ("{name: BASE_IMAGE,", "{name: MODEL_NAME,", "template.yml: build_args.1.name: 'MODEL_NAME' stands in the list twice"),
            ("default: \"2048\"", "default: 2048", "template.yml: environment.0.default: must be text; put quotes around it"),
            ("summary: Runs a script", "summary: \"\"", "template.yml: summary: must be one line"),
            ("server_types: [generic]", "server_types: [Generic]", "template.yml: server_types.0: must be lower-case letters"),
            ("name: script", "name: other", "template.yml: name: must be 'script', as the folder is called"),
            ("start_grace_seconds: 60", "start_grace_seconds: 0", "template.yml: start_grace_seconds: must be a number from 1 to 86400"),
            ("port: 8000", "port: 8000\nport: 8001", "template.yml: is not YAML"),
            ("port: 8000", "port: [", "template.yml: is not YAML"),
        ])
    func bad(line: String, replacement: String, expected: String) throws {
        let good = BuildLab.manifest("script")
        try #require(good.contains(line))
        let problem = #expect(throws: TemplateProblem.self) {
            try TemplateManifest(parsing: good.replacing(line, with: replacement), folder: "script")
        }
        #expect(problem?.description.hasPrefix(expected) == true, "\(problem?.description ?? "")")
    }

    @Test("What is no mapping, or too long, is refused", arguments: ["", "just text", "- a", String(repeating: "# much\n", count: 10_000)])
    func noMapping(text: String) {
        #expect(throws: TemplateProblem.self) { try TemplateManifest(parsing: text, folder: "script") }
    }
}
