/// Counts what is under way, and knows who waits for the count to reach zero.
struct DrainLedger<Waiter> {
    private(set) var count = 0
    private var waiters: [Int: Waiter] = [:]
    private var nextTicket = 0

    mutating func enter() {
        count += 1
    }

    /// Returns the waiters to be told when this was the last one.
    mutating func leave() -> [Waiter] {
        count -= 1
        guard count == 0, !waiters.isEmpty else { return [] }
        defer { waiters = [:] }
        return Array(waiters.values)
    }

    /// Registers a waiter; nil where nothing is under way and there is nothing to wait for.
    mutating func wait(_ waiter: Waiter) -> Int? {
        guard count > 0 else { return nil }
        nextTicket += 1
        waiters[nextTicket] = waiter
        return nextTicket
    }

    /// Takes a waiter back whose deadline passed; nil where it was told already.
    mutating func abandon(_ ticket: Int) -> Waiter? {
        waiters.removeValue(forKey: ticket)
    }
}
