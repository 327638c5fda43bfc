import Testing

@testable import LoadTesting

@Suite struct PlanTests {
    private func target(_ url: String = "http://127.0.0.1:9000/v1") throws -> LoadTest.Target { try LoadTest.Target(url) }

    @Test func takesURLsApart() throws {
        let expected: [(url: String, host: String, port: Int, path: String, authority: String)] = [
            ("http://127.0.0.1:9000/v1/chat?x=1#y", "127.0.0.1", 9000, "/v1/chat?x=1", "127.0.0.1:9000"),
            ("HTTP://model.internal", "model.internal", 80, "/", "model.internal"),
            ("http://host:80/a", "host", 80, "/a", "host"),
            ("http://host?q=a/b", "host", 80, "/?q=a/b", "host"),
            ("http://[::1]:8080/a", "::1", 8080, "/a", "[::1]:8080"),
            ("http://host:/a", "host", 80, "/a", "host"),
        ]
        for sample in expected {
            let target = try target(sample.url)
            #expect(target.host == sample.host)
            #expect(target.port == sample.port)
            #expect(target.path == sample.path)
            #expect(target.authority == sample.authority)
            #expect(try LoadTest.Target(target.description) == target)
        }
    }

    @Test(arguments: [
        "https://host/", "ftp://host/", "host:80", "", "http://", "http:///path", "http://:80/", "http://host:0/", "http://host:65536/",
        "http://host:8a/", "http://host:+80/", "http://user:secret@host/", "http://host/a b", "http://host/\r\nX: y", "http://hö/",
        "http://[::1/",
        "http://[::1]x/", "http://[x]/", "http://ho%73t/", "http://[]/",
    ])
    func refusesOtherURLs(_ url: String) {
        let error = #expect(throws: LoadTest.PlanError.self) { try LoadTest.Target(url) }
        #expect(error?.field == "url")
        #expect(error?.description.contains("secret") == false)
    }

    @Test func namesTheFieldTheValueAndWhatIsAllowed() throws {
        func fault(_ change: (inout LoadTest.Plan) -> Void) throws -> LoadTest.PlanError? {
            var plan = LoadTest.Plan(target: try target(), mode: .closedLoop(concurrency: 1), stop: .requests(1))
            try plan.validate()
            change(&plan)
            return #expect(throws: LoadTest.PlanError.self) { try plan.validate() }
        }
        func open(_ rate: Double, _ limit: Int = 1) -> LoadTest.Mode {
            .openLoop(ratePerSecond: rate, arrivals: .constant, maximumInFlight: limit)
        }
        #expect(
            try fault { $0.mode = .closedLoop(concurrency: 0) }
                == LoadTest.PlanError(field: "concurrency", value: "0", allowed: "1 to 10000"))
        for rate in [0, -1, .nan, .infinity, 1e9] { #expect(try fault { $0.mode = open(rate) }?.field == "ratePerSecond") }
        #expect(try fault { $0.mode = open(10, 0) }?.field == "maximumInFlight")
        #expect(try fault { $0.stop = .requests(0) }?.field == "stop.requests")
        #expect(try fault { $0.stop = .duration(.zero) }?.field == "stop.duration")
        #expect(try fault { $0.stop = .duration(.seconds(90_000)) }?.field == "stop.duration")
        #expect(try fault { $0.warmUp = .requests(-1) }?.field == "warmUp.requests")
        #expect(try fault { $0.warmUp = .duration(.seconds(-1)) }?.field == "warmUp.duration")
        #expect(try fault { $0.requestTimeout = .zero }?.field == "requestTimeout")
        #expect(try fault { $0.drain = .seconds(-1) }?.field == "drain")
        for method in ["", "GE T", "G\r\n", "CONNECT"] { #expect(try fault { $0.method = method }?.field == "method") }
        for name in ["", "a b", "a:", "Content-Length", "transfer-encoding", "Connection"] {
            #expect(try fault { $0.headers = [.init(name, "x")] }?.field == "headers")
        }
        let secret = try fault { $0.headers = [.init("Authorization", "Bearer secret\r\n")] }
        #expect(secret?.field == "headers")
        #expect(secret?.description.contains("secret") == false)
    }

    @Test func writesTheRequestOnce() throws {
        var plan = LoadTest.Plan(target: try target(), mode: .closedLoop(concurrency: 1), stop: .requests(1))
        #expect(String(buffer: RequestBytes(plan).bytes) == "GET /v1 HTTP/1.1\r\nHost: 127.0.0.1:9000\r\n\r\n")
        plan.method = "POST"
        #expect(String(buffer: RequestBytes(plan).bytes) == "POST /v1 HTTP/1.1\r\nHost: 127.0.0.1:9000\r\nContent-Length: 0\r\n\r\n")
        plan.headers = [.init("host", "other"), .init("X-A", "b")]
        plan.body = Array("hi".utf8)
        #expect(String(buffer: RequestBytes(plan).bytes) == "POST /v1 HTTP/1.1\r\nhost: other\r\nX-A: b\r\nContent-Length: 2\r\n\r\nhi")
    }

    @Test func namesOfFailuresAreStable() {
        let failures: [LoadTest.Failure] = [.connect, .timeout, .status(503), .protocolViolation, .cutStream, .streamError]
        for failure in failures { #expect(LoadTest.Failure(rawValue: failure.rawValue) == failure) }
        #expect(failures.map(\.rawValue) == ["connect", "timeout", "status-503", "protocol", "cut-stream", "stream-error"])
        #expect(LoadTest.Failure(rawValue: "status-x") == nil)
        #expect(LoadTest.Failure(rawValue: "other") == nil)
    }
}
