import CatapultAPI
import Foundation
import NIOConcurrencyHelpers
import NIOCore
import SQLDatabase
import ServiceLifecycle
import Testing

@testable import CatapultServer

/// A handler whose work the test decides.
struct ScriptedHandler: OperationHandler {
    static let kind = OperationKind.build
    var concurrency = 1
    let work: @Sendable (OperationRun) async throws -> JSONValue

    func run(_ run: OperationRun) async throws -> JSONValue { try await work(run) }

    func finish(_ operation: CatapultAPI.Operation, _ outcome: OperationOutcome, in connection: any SQLConnection) throws {
        try connection.execute("INSERT INTO counters (name, n) VALUES (\("finished:\(operation.id):\(outcome.state.rawValue)"), 1)")
    }
}

@Suite struct OperationTests {
    private func enqueue(_ fixture: CoreFixture) async throws -> String {
        let id = Identifier.make()
        try await fixture.database.write { connection in
            try OperationStore.insert(
                id: id, kind: .build, subject: .build, subjectID: "subject", message: "waiting", parentID: nil, createdBy: "tester",
                in: connection)
        }
        return id
    }

    private func withRunner(
        _ fixture: CoreFixture, _ work: @escaping @Sendable (OperationRun) async throws -> JSONValue,
        _ body: @Sendable @escaping (OperationService) async throws -> Void
    ) async throws {
        let runner = OperationRunner(
            database: fixture.database, signals: fixture.signals, logs: fixture.sharedLogs, leader: fixture.leader,
            handlers: [ScriptedHandler(work: work)],
            logger: CoreFixture.logger)
        let service = OperationService(database: fixture.database, runner: runner, signals: fixture.signals, logs: fixture.sharedLogs)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await runner.run() }
            try await body(service)
            group.cancelAll()
        }
    }

    private func end(of id: String, _ service: OperationService) async throws -> CatapultAPI.Operation {
        while true {
            let operation = try await service.get(GetOperation(operationID: id, wait: 30), CoreFixture.context())
            if operation.state.isTerminal { return operation }
        }
    }

    @Test func runsToItsEndWithProgressAndLog() async throws {
        try await CoreFixture.with { fixture async throws in
            let id = try await enqueue(fixture)
            try await withRunner(fixture) { run in
                run.log.append("hello\n")
                try await run.progress(0.5, "half way")
                return ["answer": 42]
            } _: { service async throws in
                let ended = try await end(of: id, service)
                #expect(ended.state == .succeeded)
                #expect(ended.progress == 1)
                #expect(ended.result == ["answer": 42])
                #expect(ended.attempts == 1)
                #expect(try await service.log(GetOperationLogs(operationID: id), CoreFixture.context()).logs == "hello\n")
            }
            #expect(try await fixture.database.read { try $0.exists("SELECT 1 FROM counters WHERE name = \("finished:\(id):succeeded")") })
        }
    }

    private struct Wish: Codable, Sendable, Equatable {
        var modelName: String
        var patterns: [String]
        var revision: String?
    }

    @Test func whatWasAskedForReachesTheWork() async throws {
        try await CoreFixture.with { fixture async throws in
            let wish = Wish(modelName: "team/gpt", patterns: ["*.gguf"], revision: nil)
            let id = Identifier.make()
            try await fixture.database.write { connection in
                try OperationStore.insert(
                    id: id, kind: .build, subject: .build, subjectID: "subject", input: wish, message: "waiting", parentID: nil,
                    createdBy: "tester", in: connection)
            }
            try await withRunner(fixture) { run in
                let found: Wish = try await run.input()
                return ["same": .bool(found == wish)]
            } _: { service async throws in
                #expect(try await end(of: id, service).result == ["same": true])
            }
        }
    }

    @Test func aFailureIsKeptWithItsHint() async throws {
        try await CoreFixture.with { fixture async throws in
            let id = try await enqueue(fixture)
            try await withRunner(fixture) { _ in
                throw CatapultError.invalid(field: "image_tag", "is wrong", hint: "mend it")
            } _: { service async throws in
                let ended = try await end(of: id, service)
                #expect(ended.state == .failed)
                #expect(ended.error?["hint"] == "mend it")
                #expect(ended.error?["field"] == "image_tag")
                #expect(ended.message == "is wrong")
            }
        }
    }

    @Test func cancellingStopsTheWork() async throws {
        try await CoreFixture.with { fixture async throws in
            let id = try await enqueue(fixture)
            let (started, continuation) = AsyncStream.makeStream(of: Void.self)
            try await withRunner(fixture) { _ in
                continuation.finish()
                try await Task.sleep(for: .seconds(600))
                return .null
            } _: { service async throws in
                for await _ in started {}
                let answer = try await service.cancel(CancelOperation(operationID: id), CoreFixture.context("cancel_operation", .operation))
                #expect(answer.cancelRequested)
                #expect(try await end(of: id, service).state == .cancelled)
                let again = try await service.cancel(CancelOperation(operationID: id), CoreFixture.context("cancel_operation", .operation))
                #expect(again.state == .cancelled)
            }
            #expect(try await fixture.database.read { try $0.exists("SELECT 1 FROM counters WHERE name = \("finished:\(id):cancelled")") })
        }
    }

    @Test func oneThatWaitsIsCancelledAtOnce() async throws {
        try await CoreFixture.with { fixture async throws in
            let runner = OperationRunner(
                database: fixture.database, signals: fixture.signals, logs: fixture.sharedLogs, leader: fixture.leader,
                handlers: [ScriptedHandler(work: { _ in .null })], logger: CoreFixture.logger)
            let service = OperationService(database: fixture.database, runner: runner, signals: fixture.signals, logs: fixture.sharedLogs)
            let id = try await enqueue(fixture)
            let cancelled = try await service.cancel(CancelOperation(operationID: id), CoreFixture.context("cancel_operation", .operation))
            #expect(cancelled.state == .cancelled)
        }
    }

    @Test func whatAServerLeftBehindIsTakenUpAgain() async throws {
        try await CoreFixture.with(on: [.sqlite]) { fixture async throws in
            let id = try await enqueue(fixture)
            // A server that took it and was killed: a running row with a lease that is still good.
            _ = try await fixture.database.write { try OperationStore.claim(.build, owner: "dead", lease: .seconds(3_600), in: $0) }
            try await withRunner(fixture) { run in
                ["attempt": .int(Int64(run.operation.attempts))]
            } _: { service async throws in
                let ended = try await end(of: id, service)
                #expect(ended.state == .succeeded)
                #expect(ended.result == ["attempt": 2])
            }
        }
    }

    @Test func oneThatKillsTheServerEachTimeIsGivenUp() async throws {
        try await CoreFixture.with(on: [.sqlite]) { fixture async throws in
            let id = try await enqueue(fixture)
            for _ in 0..<OperationRunner.maximumAttempts {
                _ = try await fixture.database.write { connection in
                    try OperationStore.releaseAll(in: connection)
                    return try OperationStore.claim(.build, owner: "dead", lease: .seconds(3_600), in: connection)
                }
            }
            try await withRunner(fixture) { _ in
                .null
            } _: { service async throws in
                let ended = try await end(of: id, service)
                #expect(ended.state == .failed)
                #expect(ended.error?["code"] == "interrupted")
            }
        }
    }

    @Test func aServerThatStopsGivesItsWorkBack() async throws {
        try await CoreFixture.with { fixture async throws in
            let id = try await enqueue(fixture)
            let (started, continuation) = AsyncStream.makeStream(of: Void.self)
            try await withRunner(fixture) { _ in
                continuation.finish()
                try await Task.sleep(for: .seconds(600))
                return .null
            } _: { _ in
                for await _ in started {}
            }
            let operation = try await fixture.database.read { try OperationStore.find(id, in: $0) }
            #expect(operation?.state == .pending)
        }
    }

    @Test func aFollowedLogEndsWithItsOperation() async throws {
        try await CoreFixture.with { fixture async throws in
            let logs = fixture.logs
            let file = logs.file("followed")
            file.append("one\n")
            let (seen, continuation) = AsyncStream.makeStream(of: String.self)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    try await logs.follow("followed", keepAlive: ByteBuffer(), isFinished: { true }) { piece in
                        continuation.yield(String(buffer: piece))
                    }
                    continuation.finish()
                }
                var text = ""
                for await piece in seen {
                    text += piece
                    if text == "one\n" { file.append("two\n") }
                    if text == "one\ntwo\n" { logs.finish("followed") }
                }
                #expect(text == "one\ntwo\n")
                try await group.waitForAll()
            }
            #expect(logs.text("followed") == "one\ntwo\n")
        }
    }
}
