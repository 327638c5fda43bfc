/// Chooses the upstream with the fewest outstanding requests. Ties rotate, so that an idle gateway spreads too.
struct Balancer: Sendable {
    /// What is known of one upstream at the moment of choice.
    struct Candidate {
        var isEligible: Bool
        var isEjected: Bool
        var outstanding: Int
    }

    private var rotation: Int

    /// `rotation` is where ties begin; each event loop begins elsewhere.
    init(rotation: Int = 0) {
        self.rotation = rotation
    }

    /// The index of the chosen candidate; nil where none is eligible. Ejected ones are chosen only when all eligible ones are ejected:
    /// a try that may fail is better than a refusal that is certain.
    mutating func choose(among count: Int, _ candidate: (Int) -> Candidate) -> Int? {
        guard count > 0 else { return nil }
        rotation = (rotation &+ 1) % count
        var best: (index: Int, isEjected: Bool, outstanding: Int)?
        for offset in 0..<count {
            let index = (rotation + offset) % count
            let this = candidate(index)
            guard this.isEligible else { continue }
            if let best, (best.isEjected ? 1 : 0, best.outstanding) <= (this.isEjected ? 1 : 0, this.outstanding) { continue }
            best = (index, this.isEjected, this.outstanding)
        }
        return best?.index
    }
}
