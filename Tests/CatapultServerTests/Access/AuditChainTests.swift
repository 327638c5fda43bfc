import CatapultAPI
import DatabaseTesting
import SQLDatabase
import Testing

@testable import CatapultServer

/// The chain of the audit log: what is changed, removed or put in must show.
@Suite struct AuditChainTests {
    private func rows(_ fixture: CoreFixture, _ count: Int) async throws {
        try await AuditLog.seal(fixture.database)
        for number in 1...count { _ = try await fixture.model("m\(number)") }
    }

    private func verify(_ fixture: CoreFixture, expect: String? = nil) async throws -> AuditVerification {
        try await AuditLog(database: fixture.database).verify(VerifyAuditLog(expect: expect))
    }

    /// Changes the table as somebody could who has the database and takes the triggers away.
    private func tamper(_ fixture: CoreFixture, _ statement: SQLQuery) async throws {
        try await fixture.database.write { connection in
            switch connection.dialect {
            case .sqlite:
                try connection.execute("DROP TRIGGER IF EXISTS audit_logs_refuse_update")
                try connection.execute("DROP TRIGGER IF EXISTS audit_logs_refuse_delete")
                try connection.execute(statement)
            case .postgresql:
                // Put back: the next test may get the same database.
                try connection.execute("ALTER TABLE audit_logs DISABLE TRIGGER audit_logs_refuse_change")
                try connection.execute(statement)
                try connection.execute("ALTER TABLE audit_logs ENABLE TRIGGER audit_logs_refuse_change")
            }
        }
    }

    @Test func anUntouchedLogIsWhole() async throws {
        try await CoreFixture.with { fixture async throws in
            try await rows(fixture, 5)
            let found = try await verify(fixture)
            #expect(found.ok)
            #expect(found.rows == 6 && found.headSequence == 6 && found.sealedRows == 0)
            let head = try await AuditLog(database: fixture.database).head()
            #expect(head.hash == found.headHash && head.sequence == 6)
        }
    }

    @Test(arguments: [
        "details = '{}'", "action = 'x'", "api_key_name = NULL", "outcome = 'failed'", "created_at = created_at + 1", "model_name = 'x'",
        "ip_address = NULL", "agent = ''", "details = details || ' '", "hash = prev_hash",
    ])
    func aChangedRowShows(_ change: String) async throws {
        try await CoreFixture.with { fixture async throws in
            try await rows(fixture, 4)
            try await tamper(fixture, "UPDATE audit_logs SET \(raw: change) WHERE sequence = 3")
            let found = try await verify(fixture)
            #expect(!found.ok)
            #expect(found.problem?.kind == .changed)
            #expect(found.problem?.sequence == 3)
        }
    }

    @Test func aRowThatWasChangedWithItsHashShowsInTheNext() async throws {
        try await CoreFixture.with { fixture async throws in
            try await rows(fixture, 4)
            let old = try #require(try await fixture.database.read { try AuditStore.rows(after: 2, limit: 1, in: $0) }.first)
            var forged = old
            forged.entry.action = "nothing_happened"
            let hash = AuditChain.hash(of: forged, after: try #require(old.entry.prevHash))
            try await tamper(fixture, "UPDATE audit_logs SET action = 'nothing_happened', hash = \(hash) WHERE sequence = 3")
            let found = try await verify(fixture)
            #expect(found.problem?.kind == .inserted)
            #expect(found.problem?.sequence == 4)
        }
    }

    @Test func removedRowsShow() async throws {
        try await CoreFixture.with { fixture async throws in
            try await rows(fixture, 5)
            try await tamper(fixture, "DELETE FROM audit_logs WHERE sequence IN (3, 4)")
            let found = try await verify(fixture)
            #expect(found.problem?.kind == .removed)
            #expect(found.problem?.message == "rows 3 to 4 are gone")
            #expect(found.rows == 2)
        }
    }

    @Test func anEndThatWasCutOffIsMissedByWhoKeptItsHash() async throws {
        try await CoreFixture.with { fixture async throws in
            try await rows(fixture, 3)
            let whole = try await verify(fixture)
            _ = try await fixture.model("later")
            #expect(try await verify(fixture, expect: whole.headHash).expectedSequence == 4)
            try await tamper(fixture, "DELETE FROM audit_logs WHERE sequence >= 4")
            #expect(try await verify(fixture).ok)
            #expect(try await verify(fixture, expect: whole.headHash).problem?.kind == .headMissing)
        }
    }

    @Test func rowsOfBeforeTheChainAreSealed() async throws {
        try await CoreFixture.with { fixture async throws in
            for (number, name) in ["a", "b"].enumerated() {
                try await fixture.database.write {
                    try $0.execute(
                        """
                        INSERT INTO audit_logs (id, sequence, api_key_name, face, action, resource_type, details, created_at)
                        VALUES (\(name), \(number - 1), 'admin', 'rest', 'create_model', 'model', '{}', \(Timestamp.now))
                        """)
                }
            }
            try await rows(fixture, 2)
            #expect(try await verify(fixture).sealedRows == 2)
            #expect(try await verify(fixture).ok)
            // A second start does not begin a second chain.
            try await AuditLog.seal(fixture.database)
            #expect(try await verify(fixture).rows == 3)
            try await tamper(fixture, "UPDATE audit_logs SET api_key_name = 'another' WHERE id = 'a'")
            #expect(try await verify(fixture).problem?.kind == .sealBroken)
        }
    }

    @Test func theDatabaseRefusesChanges() async throws {
        try await CoreFixture.with { fixture async throws in
            try await rows(fixture, 1)
            let replace: SQLQuery = """
                INSERT OR REPLACE INTO audit_logs (id, sequence, face, action, resource_type, details, created_at)
                VALUES ('x', 2, 'rest', 'x', 'model', '{}', 0)
                """
            let others: [SQLQuery] = fixture.database.dialect == .sqlite ? [replace] : ["TRUNCATE audit_logs"]
            for statement in ["UPDATE audit_logs SET action = 'x'", "DELETE FROM audit_logs"] + others {
                await #expect(throws: DatabaseError.self) { try await fixture.database.write { _ = try $0.execute(statement) } }
            }
            #expect(try await verify(fixture).ok)
        }
    }

    @Test func writersBesideEachOtherMakeOneChain() async throws {
        try await CoreFixture.with { fixture async throws in
            try await AuditLog.seal(fixture.database)
            let models = fixture.models
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<40 {
                    let call = CreateModel(name: "m\(number)", storagePath: "m\(number)")
                    group.addTask { _ = try await models.create(call, CoreFixture.context("create_model")) }
                }
                try await group.waitForAll()
            }
            let found = try await verify(fixture)
            #expect(found.ok && found.rows == 41)
        }
    }

    @Test func aRowThatWasPutInShows() async throws {
        try await CoreFixture.with { fixture async throws in
            try await rows(fixture, 4)
            let old = try #require(try await fixture.database.read { try AuditStore.rows(after: 4, limit: 1, in: $0) }.first)
            // One more row at the end, with a hash over something else than the last row.
            var forged = old
            forged.entry.id = Identifier.make()
            forged.entry.sequence = 6
            let row = forged
            try await fixture.database.write { connection in
                try connection.execute(
                    """
                    INSERT INTO audit_logs (id, sequence, api_key_name, face, action, resource_type, details, created_at, prev_hash, hash)
                    VALUES (\(row.entry.id), 6, 'admin', 'rest', 'create_model', 'model', '{}', \(row.entry.createdAt), \(AuditChain.origin),
                        \(AuditChain.hash(of: row, after: AuditChain.origin)))
                    """)
            }
            let found = try await verify(fixture)
            #expect(!found.ok && found.problem?.sequence == 6)
            #expect(found.rows == 5)
        }
    }

    @Test("two servers on one database write one chain, and seal it once") func twoServers() async throws {
        guard TestDatabase.all.contains(.postgresql) else { return }
        try await TestDatabase.postgresql.withConfiguration { configuration in
            let first = try await Database.open(configuration, migrations: Migrations.all, logger: CoreFixture.logger)
            let second = try await Database.open(configuration, migrations: Migrations.all, logger: CoreFixture.logger)
            async let one: Void = AuditLog.seal(first)
            async let two: Void = AuditLog.seal(second)
            _ = try await (one, two)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<60 {
                    let database = number.isMultiple(of: 2) ? first : second
                    group.addTask {
                        try await database.write {
                            try AuditLog.record(CoreFixture.context("create_model"), id: "\(number)", in: $0)
                        }
                    }
                }
                try await group.waitForAll()
            }
            let found = try await AuditLog(database: second).verify(VerifyAuditLog())
            #expect(found.ok && found.rows == 61 && found.sealedRows == 0, "\(found)")
            try await first.close()
            try await second.close()
        }
    }

    @Test func aChangeThatFailsLeavesNoRow() async throws {
        try await CoreFixture.with { fixture async throws in
            try await rows(fixture, 1)
            _ = try? await fixture.model("m1")
            #expect(try await verify(fixture).rows == 2)
        }
    }

    /// The form that docs/guides/audit.md promises to those who check the log with a program of their own.
    @Test func theFormStaysAsItIs() {
        let entry = AuditEntry(
            id: "i", sequence: 7, apiKeyID: nil, apiKeyName: "ädmin", face: "rest", agent: nil, action: "create_model",
            operation: "createModel", outcome: .succeeded, resourceType: "model", resourceID: "r", modelName: "m", environment: nil,
            details: [:], ipAddress: "127.0.0.1", requestID: "q", createdAt: Timestamp(microseconds: 0), prevHash: nil, hash: nil)
        let row = AuditChain.Row(entry: entry, details: "{}")
        let text = String(decoding: AuditChain.canonical(row, after: "p"), as: UTF8.self)
        #expect(
            text == """
                catapult-audit-1
                1:7
                1:p
                1:i
                27:1970-01-01T00:00:00.000000Z
                -
                6:ädmin
                4:rest
                -
                12:create_model
                11:createModel
                9:succeeded
                5:model
                1:r
                1:m
                -
                1:q
                9:127.0.0.1
                2:{}

                """)
    }

    @Test func refusedAttemptsAreNotedButNotWithoutEnd() async throws {
        try await CoreFixture.with { fixture async throws in
            let viewer = try await fixture.keys.create(
                CreateAPIKey(name: "v"), CoreFixture.context("create_api_key", .apiKey))
            try await fixture.http { http async throws in
                for _ in 0..<60 {
                    #expect(try await http.with(key: viewer.key).send(.delete, "/api/v1/models/secret").status == 403)
                }
                let failed = try await http.send(.get, "/api/v1/audit-logs?outcome=failed&limit=100").json.arrayValue ?? []
                #expect((20...21).contains(failed.count))
                #expect(failed.first?["api_key_name"] == "v")
                #expect(failed.first?["operation"] == "deleteModel")
                #expect(failed.first?["details"]?["code"] == "forbidden")
                #expect(failed.first?["details"]?["target"]?["model_id"] == "secret")
            }
        }
    }

    @Test func addressesAreForAdmins() async throws {
        try await CoreFixture.with { fixture async throws in
            try await rows(fixture, 1)
            let audit = AuditLog(database: fixture.database)
            var viewer = CoreFixture.context()
            viewer.caller?.role = .viewer
            #expect(try await audit.list(ListAuditLogs(action: "create_model"), CoreFixture.context()).first?.ipAddress == "127.0.0.1")
            #expect(try await audit.list(ListAuditLogs(action: "create_model"), viewer).first?.ipAddress == nil)
        }
    }

    @Test func filtersAndPagesOfTheLog() async throws {
        try await CoreFixture.with { fixture async throws in
            try await rows(fixture, 5)
            let audit = AuditLog(database: fixture.database)
            let context = CoreFixture.context()
            let all = try await audit.list(ListAuditLogs(), context)
            #expect(all.map(\.sequence) == [6, 5, 4, 3, 2, 1])
            #expect(try await audit.list(ListAuditLogs(before: 4, limit: 2), context).map(\.sequence) == [3, 2])
            #expect(try await audit.list(ListAuditLogs(after: 4), context).map(\.sequence) == [5, 6])
            #expect(try await audit.list(ListAuditLogs(skip: 4), context).map(\.sequence) == [2, 1])
            #expect(try await audit.list(ListAuditLogs(offset: 1, limit: 1), context).map(\.sequence) == [5])
            #expect(try await audit.list(ListAuditLogs(resourceID: all[0].resourceID), context).map(\.sequence) == [6])
            #expect(try await audit.list(ListAuditLogs(apiKeyName: "system"), context).map(\.sequence) == [1])
            #expect(try await audit.list(ListAuditLogs(since: all[1].createdAt, until: all[0].createdAt), context).count >= 1)
            #expect(try await audit.get(GetAuditLog(auditID: "3"), context).id == all[3].id)
            #expect(try await audit.get(GetAuditLog(auditID: all[3].id), context).sequence == 3)
        }
    }
}
