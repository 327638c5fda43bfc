/// A counter that tests wait on.
actor Latch {
    private(set) var count = 0
    private var waiters: [(threshold: Int, continuation: CheckedContinuation<Void, Never>)] = []

    func signal() {
        count += 1
        let due = waiters.filter { $0.threshold <= count }
        waiters.removeAll { $0.threshold <= count }
        for waiter in due { waiter.continuation.resume() }
    }

    /// Returns when `signal` was called this often in all.
    func reached(_ threshold: Int = 1) async {
        guard count < threshold else { return }
        await withCheckedContinuation { waiters.append((threshold, $0)) }
    }
}
