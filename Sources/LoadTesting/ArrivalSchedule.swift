import NIOCore

#if canImport(Darwin)
import Darwin
#elseif canImport(Musl)
import Musl
#else
import Glibc
#endif

/// The times at which open-loop requests are due, as offsets from the start; the same for the same inputs.
///
/// A run on several event loops gives each a stripe: of `stripes`, stripe `index` holds every `stripes`-th arrival of the one sequence.
struct ArrivalSchedule: Sequence, IteratorProtocol, Sendable {
    private let rate: Double
    private let stripes: Int
    private let index: Int
    private var generator: SplitMix64?
    private var arrival = 0
    private var seconds = 0.0

    init(ratePerSecond rate: Double, arrivals: LoadTest.Arrivals, stripe index: Int = 0, of stripes: Int = 1) {
        self.rate = rate
        self.stripes = stripes
        self.index = index
        if case .poisson(let seed) = arrivals { generator = SplitMix64(state: seed) }
    }

    mutating func next() -> TimeAmount? {
        while true {
            let offset = TimeAmount.nanoseconds(Int64(seconds * 1e9))
            let isOurs = arrival % stripes == index
            advance()
            if isOurs { return offset }
        }
    }

    private mutating func advance() {
        arrival += 1
        guard var generator else {
            // Counted from the start, so that rounding does not add up.
            seconds = Double(arrival) / rate
            return
        }
        // The gaps of a Poisson process are exponential; 1 - u is in (0, 1], so the logarithm is finite.
        seconds += -log(1 - Double.random(in: 0..<1, using: &generator)) / rate
        self.generator = generator
    }
}

/// A small reproducible generator (SplitMix64, Steele, Lea and Flood 2014).
struct SplitMix64: RandomNumberGenerator, Sendable {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
