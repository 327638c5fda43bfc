import ArgumentParser
import Catapult
import CatapultAPI
import Testing

@testable import CatapultCLI

/// The five command lines of the specification, and the rules of single options.
@Suite struct CommandLineTests {
    private func parse<Command>(_ line: [String], as type: Command.Type) throws -> Command {
        try #require(try CatapultTool.parseAsRoot(line) as? Command)
    }

    @Test(arguments: [["scale", "--deployment", "x"], ["deploy", "--model", "m", "--environment", "e"]])
    func negativeReplicasAreToldToBeOutOfRange(_ line: [String]) {
        let error = #expect(throws: (any Error).self) { try CatapultTool.parseAsRoot(line + ["--replicas", "-1"]) }
        #expect(error.map { CatapultTool.message(for: $0).contains("--replicas is -1; 0 to 100 are allowed") } == true)
    }

    @Test func modelRegister() throws {
        let command = try parse(
            ["model", "register", "--name", "gpt-model", "--path", "./model-artifacts", "--version", "1.0"], as: ModelRegister.self)
        #expect(command.name == "gpt-model")
        #expect(command.path == "./model-artifacts")
        #expect(command.version == "1.0")
    }

    @Test func environmentCreate() throws {
        let command = try parse(
            ["environment", "create", "--name", "production", "--type", "gpu", "--resources", "gpu=1,memory=32Gi"],
            as: EnvironmentCommand.Create.self)
        #expect(command.name == "production")
        #expect(command.details.type == .gpu)
        #expect(try command.details.request() == ResourceRequest(memory: "32Gi", gpu: 1))
    }

    @Test func deploy() throws {
        let command = try parse(["deploy", "--model", "gpt-model:1.0", "--environment", "production", "--replicas", "3"], as: Deploy.self)
        #expect(command.model == VersionReference(argument: "gpt-model:1.0"))
        #expect(command.environment == "production")
        #expect(command.replicas == 3)
    }

    @Test func status() throws {
        #expect(try parse(["status", "--deployment", "gpt-model-production"], as: Status.self).target.name() == "gpt-model-production")
    }

    @Test func scale() throws {
        let command = try parse(["scale", "--deployment", "gpt-model-production", "--replicas", "5"], as: Scale.self)
        #expect(try command.target.name() == "gpt-model-production")
        #expect(command.replicas == 5)
    }

    @Test func aDeploymentMayBeNamedWithoutTheOption() throws {
        #expect(try parse(["logs", "-f", "gpt"], as: Logs.self).target.name() == "gpt")
        #expect(try parse(["restart", "gpt"], as: Restart.self).target.name() == "gpt")
        #expect(throws: (any Error).self) { try CatapultTool.parseAsRoot(["stop", "gpt", "--deployment", "other"]) }
    }

    @Test func deploymentNamesHaveNoSlash() {
        #expect(Deploy.deploymentName(model: "team/gpt", environment: "production") == "team-gpt-production")
    }

    @Test func referencesHaveAModelAndPerhapsAVersion() {
        #expect(VersionReference(argument: "team/gpt")?.version == nil)
        #expect(VersionReference(argument: "team/gpt:1.0+b")?.version == "1.0+b")
        #expect(VersionReference(argument: ":1.0") == nil)
        #expect(VersionReference(argument: "gpt:") == nil)
    }

    @Test(arguments: [("250ms", 250), ("5s", 5_000), ("2", 2_000), ("1.5m", 90_000), ("30d", 2_592_000_000)])
    func timesHaveUnits(text: String, milliseconds: Int64) { #expect(TimeSpan(argument: text)?.duration == .milliseconds(milliseconds)) }

    @Test(arguments: ["", "s", "0s", "-1s", "5y", "1e3s", "999999999999d"]) func otherTimesAreRefused(text: String) {
        #expect(TimeSpan(argument: text) == nil)
    }

    @Test func assignmentsMayHoldEqualsSigns() {
        #expect(Assignment(argument: "A=b=c").map { [$0.key, $0.value] } == ["A", "b=c"])
        #expect(Assignment(argument: "=b") == nil)
        #expect(Assignment(argument: "A") == nil)
    }

    @Test(arguments: [
        ["--version"], ["help", "exit-codes"], ["deploy", "--help"], ["--generate-completion-script", "bash"],
    ])
    func helpIsASuccess(line: [String]) async {
        let stage = Stage()
        #expect(await Tool.run(line, in: stage.surroundings) == .success)
        #expect(!stage.output.isEmpty)
        #expect(stage.errors.isEmpty)
    }

    @Test func theVersionNamesCatapult() async {
        let stage = Stage()
        #expect(await stage.run("--version") == .success)
        #expect(stage.output == "Catapult \(CatapultVersion.current)\n")
    }

    @Test(arguments: [
        (["delpoy"], "Did you mean `deploy`?"), (["model", "lst"], "Did you mean `list`?"),
        (["nonsense"], "See 'mcp --help' for more information."),
    ])
    func aMisspeltCommandIsRecognised(line: [String], hint: String) async {
        let stage = Stage()
        #expect(await Tool.run(line, in: stage.surroundings) == .usage)
        #expect(stage.errors.hasSuffix("hint: \(hint)\n"), "\(stage.errors)")
    }

    @Test(arguments: [
        ["deploy"], ["nonsense"], ["scale", "--deployment", "x", "--replicas", "-1"], ["scale", "--deployment", "x", "--replicas", "many"],
        ["stop"], ["benchmark", "run"], ["logs"], ["logs", "--build", "b", "--operation", "o"], ["model", "list", "--limit", "0"],
        ["deploy", "--model", ":", "--environment", "e"],
    ])
    func whatCannotBeUnderstoodIsAUsageError(line: [String]) async {
        let stage = Stage()
        #expect(await Tool.run(line, in: stage.surroundings) == .usage)
        let lines = stage.errors.split(separator: "\n")
        #expect(lines.count == 2 && lines[0].hasPrefix("error: ") && lines[1].hasPrefix("hint: "), "\(stage.errors)")
        #expect(stage.output.isEmpty)
    }
}

@Suite struct ResourceTextTests {
    @Test func readsWhatTheSpecificationWrites() throws {
        #expect(try ResourceText.parse("gpu=1,memory=32Gi") == ResourceRequest(memory: "32Gi", gpu: 1))
        #expect(try ResourceText.parse(" CPU = 500m , gpu=0") == ResourceRequest(cpu: 0.5, gpu: 0))
    }

    @Test(arguments: [
        ("gpus=1", "no resource \"gpus\""), ("gpu", "form name=value"), ("gpu=", "form name=value"), ("", "form name=value"),
        ("gpu=1,", "form"),
        ("gpu=0.5", "whole numbers"), ("gpu=-1", "whole numbers"), ("memory=much", "32Gi"), ("memory=0", "32Gi"), ("cpu=0", "0.01 to 4096"),
        ("gpu=1,gpu=2", "twice"),
    ])
    func otherTextIsRefusedWithWhatIsAllowed(text: String, reason: String) {
        let error = #expect(throws: Complaint.self) { try ResourceText.parse(text) }
        #expect(error?.status == .usage)
        #expect(error?.message.contains(reason) == true, "\(String(describing: error))")
        #expect(error?.hint?.contains("gpu=1,memory=32Gi") == true)
    }

    @Test func writesItBack() { #expect(ResourceText.text(ResourceRequest(cpu: 2, memory: "8Gi", gpu: 1)) == "gpu=1,memory=8Gi,cpu=2") }
}

@Suite struct ToolStatusTests {
    @Test(arguments: [
        (400, ToolStatus.conflict), (401, .notPermitted), (403, .notPermitted), (404, .notFound), (409, .conflict), (413, .conflict),
        (422, .conflict), (429, .unavailable), (500, .failure), (502, .unavailable), (503, .unavailable), (504, .unavailable),
        (507, .unavailable),
    ])
    func statusesOfTheServer(http: Int, exit: ToolStatus) { #expect(ToolStatus(httpStatus: http) == exit) }

    @Test func errorsOfEveryKind() {
        #expect(Complaint(CatapultError.notFound(.model, "x")).status == .notFound)
        #expect(Complaint(ConnectionError(url: "u", reason: .unreachable, detail: "d")).status == .unavailable)
        #expect(Complaint(ConfigurationError(setting: "s", reason: "r", hint: "h")).status == .usage)
        #expect(Complaint(OperationFailure(operation: Sample.operation(.failed, progress: 0, message: ""))).status == .operationFailed)
        #expect(Complaint(CancellationError()).status == .interrupted)
        #expect(Complaint(AnswerError(request: "GET /", reason: "r")).status == .failure)
    }

    @Test func numbersAreAPromise() {
        #expect(ToolStatus.allCases.map(\.rawValue) == [0, 1, 2, 3, 4, 5, 6, 7, 130, 141])
    }
}
