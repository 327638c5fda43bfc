import Synchronization
import Testing

@testable import SQLDatabase

@Suite struct ConnectionPoolTests {
    @Test func connectionsAreLentToOneAtATime() async throws {
        final class Counter: Sendable {
            let uses = Mutex(0)
        }
        let pool = ConnectionPool([Counter(), Counter(), Counter()])
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<20 {
                group.addTask {
                    for _ in 0..<50 {
                        try await pool.withConnection { connection in
                            let others = connection.uses.withLock { uses in
                                defer { uses += 1 }
                                return uses
                            }
                            #expect(others == 0)
                            await Task.yield()
                            connection.uses.withLock { $0 -= 1 }
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(await pool.close().count == 3)
    }

    @Test func cancelledWaitersLeaveTheQueue() async throws {
        let pool = ConnectionPool(["only"])
        try await pool.withConnection { _ in
            let waiters = (0..<10).map { _ in Task { try await pool.withConnection { _ in } } }
            for waiter in waiters { waiter.cancel() }
            for waiter in waiters {
                await #expect(throws: CancellationError.self) { try await waiter.value }
            }
        }
        #expect(try await pool.withConnection { $0 } == "only")
    }

    @Test func aThrowingBodyGivesItsConnectionBack() async throws {
        struct Refusal: Error {}
        let pool = ConnectionPool(["only"])
        for _ in 0..<3 {
            await #expect(throws: Refusal.self) { try await pool.withConnection { _ in throw Refusal() } }
        }
        #expect(await pool.close() == ["only"])
        await #expect(throws: DatabaseError.closed) { try await pool.withConnection { _ in } }
    }
}
