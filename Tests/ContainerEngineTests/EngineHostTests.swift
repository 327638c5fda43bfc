import Testing

@testable import ContainerEngine

@Suite("Engine host")
struct EngineHostTests {
    @Test(
        "reads the allowed forms",
        arguments: [
            ("unix:///var/run/docker.sock", EngineHost.unixSocket(path: "/var/run/docker.sock")),
            ("tcp://engine.example:2376", .tcp(host: "engine.example", port: 2376)),
            ("tcp://127.0.0.1", .tcp(host: "127.0.0.1", port: 2375)),
            ("tcp://127.0.0.1:1/", .tcp(host: "127.0.0.1", port: 1)),
            ("tcp://[::1]:2375", .tcp(host: "::1", port: 2375)),
            ("tcp://[fe80::1]", .tcp(host: "fe80::1", port: 2375)),
        ])
    func allowed(text: String, host: EngineHost) throws {
        #expect(try EngineHost(parsing: text) == host)
        #expect(try EngineHost(parsing: host.description) == host)
    }

    @Test(
        "refuses other forms and names those that are allowed",
        arguments: [
            "", "/var/run/docker.sock", "ssh://user@host", "npipe:////./pipe/docker", "fd://", "http://h", "unix://",
            "unix://relative.sock",
            "unix:///" + String(repeating: "a", count: 107), "tcp://", "tcp://:2375", "tcp://h:0", "tcp://h:65536", "tcp://h:x", "tcp://h:",
            "tcp://h/path", "tcp://[::1", "tcp://[::1]x", "tcp://[]:1", "tcp://user@h:1", "tcp://::1:2375", "TCP://h:1",
        ])
    func refused(text: String) throws {
        let error = try #require(throws: ContainerEngineError.self) { try EngineHost(parsing: text) }
        guard case .invalidHost(text, _) = error else {
            Issue.record("\(error)")
            return
        }
        #expect(error.description.contains(EngineHost.allowedForms))
    }

    @Test("takes DOCKER_HOST, the standard socket without it, and refuses TLS")
    func environment() throws {
        #expect(try EngineHost(environment: [:]) == .standard)
        #expect(try EngineHost(environment: ["DOCKER_HOST": ""]) == .standard)
        #expect(
            try EngineHost(environment: ["DOCKER_HOST": "unix:///run/x.sock", "DOCKER_TLS_VERIFY": "1"]) == .unixSocket(path: "/run/x.sock")
        )
        #expect(throws: ContainerEngineError.self) {
            try EngineHost(environment: ["DOCKER_HOST": "tcp://h:2376", "DOCKER_TLS_VERIFY": "1"])
        }
    }

    @Test("encodes the socket's path for the client, and query values for the engine")
    func encoding() {
        #expect(EngineHost.unixSocket(path: "/var/run/docker.sock").baseURL == "http+unix://%2Fvar%2Frun%2Fdocker%2Esock")
        #expect(EngineHost.tcp(host: "::1", port: 2375).baseURL == "http://[::1]:2375")
        let call = EngineCall(method: .GET, path: "/x", query: [("a", "1 &=+/é"), ("b", "")])
        #expect(call.url(base: "http://h", version: APIVersion(major: 1, minor: 41)) == "http://h/v1.41/x?a=1%20%26%3D%2B%2F%C3%A9&b=")
        #expect(call.name == "GET /x")
    }

    @Test("refuses names that would lead a request elsewhere", arguments: ["", "../x", "a/b", "a?b", "a%2f", ".", "-x", "a b", "ä", "a\n"])
    func containerNames(name: String) {
        #expect(throws: ContainerEngineError.self) { try References.container(name) }
    }

    @Test(
        "refuses image references that would lead a request elsewhere", arguments: ["", "/x", "../x", "a/../b", "a//b", "a?b", "a b", "a/"])
    func imageNames(name: String) {
        #expect(throws: ContainerEngineError.self) { try References.image(name) }
    }

    @Test("splits references into name and tag")
    func references() throws {
        for (text, name, tag) in [
            ("a", "a", "latest"), ("a:1", "a", "1"), ("h:5000/a/b", "h:5000/a/b", "latest"), ("h:5000/a:v1.0", "h:5000/a", "v1.0"),
        ] {
            let parts = try ContainerEngine.Images.split(text)
            #expect(parts.repository == name)
            #expect(parts.tag == tag)
        }
        #expect(throws: ContainerEngineError.self) { try ContainerEngine.Images.split("a@sha256:00") }
        #expect(throws: ContainerEngineError.self) { try ContainerEngine.Images.split("a:") }
    }
}
