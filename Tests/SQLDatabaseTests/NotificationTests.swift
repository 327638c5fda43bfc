import DatabaseTesting
import Testing

@testable import SQLDatabase

@Suite struct NotificationTests {
    @Test(arguments: TestDatabase.all) func aCommitDeliversAndARollbackDoesNot(on kind: TestDatabase) async throws {
        struct Refusal: Error {}
        try await withDatabase(on: kind) { database async throws in
            var heard = database.notifications("models \"and\" more").makeAsyncIterator()
            var others = database.notifications("others").makeAsyncIterator()
            #expect(await heard.next() == .resumed)
            #expect(await others.next() == .resumed)
            await #expect(throws: Refusal.self) {
                try await database.write { connection in
                    try connection.notify("models \"and\" more", "lost")
                    throw Refusal()
                }
            }
            try await database.write { connection in
                for payload in ["a", "b", "a", "", "ü"] { try connection.notify("models \"and\" more", payload) }
            }
            try await database.write { try $0.notify("others", "last") }
            for payload in ["a", "b", "", "ü"] { #expect(await heard.next() == .payload(payload)) }
            #expect(await others.next() == .payload("last"))
        }
    }

    @Test(arguments: TestDatabase.all) func whatCannotBeCarriedIsRefused(on kind: TestDatabase) async throws {
        try await withDatabase(on: kind) { database async throws in
            let longest = String(repeating: "x", count: 7999)
            var heard = database.notifications("c").makeAsyncIterator()
            #expect(await heard.next() == .resumed)
            try await database.write { connection throws in
                try connection.notify("c", longest)
                #expect(throws: DatabaseError.notificationTooLong(bytes: 8000, limit: 7999)) { try connection.notify("c", longest + "x") }
                for (channel, payload) in [("", "x"), (String(repeating: "c", count: 64), "x"), ("c", "a\0b"), ("a\0b", "x")] {
                    #expect(throws: DatabaseError.self) { try connection.notify(channel, payload) }
                }
            }
            #expect(await heard.next() == .payload(longest))
            await #expect(throws: DatabaseError.readOnly) { try await database.read { try $0.notify("c", "x") } }
        }
    }

    @Test(arguments: TestDatabase.all) func listenersEndWithTheDatabaseAndWaitsWithTheirTask(on kind: TestDatabase) async throws {
        try await withDatabase(on: kind) { database async throws in
            let notifications = database.notifications("c")
            var heard = notifications.makeAsyncIterator()
            #expect(await heard.next() == .resumed)
            let waiting = Task {
                var iterator = notifications.makeAsyncIterator()
                return await iterator.next()
            }
            waiting.cancel()
            #expect(await waiting.value == nil)
            // The sequence goes on after a cancelled wait.
            try await database.write { try $0.notify("c", "x") }
            #expect(await heard.next() == .payload("x"))
            try await database.close()
            #expect(await heard.next() == nil)
            var late = database.notifications("c").makeAsyncIterator()
            #expect(await late.next() != .payload("x"))
        }
    }

    @Test func aSlowListenerIsToldToLookForItself() async {
        let queue = NotificationQueue()
        for number in 0...NotificationQueue.limit { queue.add(.payload("\(number)")) }
        #expect(await queue.next() == .resumed)
        queue.add(.payload("after"))
        #expect(await queue.next() == .payload("after"))
    }

    @Test(.enabled(if: TestDatabase.all.contains(.postgresql))) func serversHearEachOther() async throws {
        try await TestDatabase.postgresql.withConfiguration { configuration async throws in
            try await withDatabase(configuration) { first async throws in
                try await withDatabase(configuration) { second async throws in
                    var heard = second.notifications("c").makeAsyncIterator()
                    #expect(await heard.next() == .resumed)
                    for number in 0..<50 { try await first.write { try $0.notify("c", "\(number)") } }
                    for number in 0..<50 { #expect(await heard.next() == .payload("\(number)")) }
                }
            }
        }
    }
}
