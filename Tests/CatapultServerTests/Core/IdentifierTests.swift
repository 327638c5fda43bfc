import CatapultAPI
import Testing

@testable import CatapultServer

@Suite struct IdentifierTests {
    @Test func isVersion7OfRFC9562() {
        let id = Identifier.make()
        #expect(Identifier.isUUID(id))
        #expect(id == id.lowercased())
        let characters = Array(id)
        #expect(characters[14] == "7")
        #expect("89ab".contains(characters[19]))
    }

    @Test func carriesItsTimeInFront() {
        let moment = Timestamp(microseconds: 0x0123_4567_89AB * 1_000)
        #expect(Identifier.make(at: moment).hasPrefix("01234567-89ab-7"))
    }

    @Test func sortsByTime() {
        let earlier = Identifier.make(at: Timestamp(microseconds: 1_700_000_000_000_000))
        let later = Identifier.make(at: Timestamp(microseconds: 1_700_000_000_001_000))
        #expect(earlier < later)
    }

    @Test func isDifferentEachTime() {
        let ids = Set((0..<10_000).map { _ in Identifier.make() })
        #expect(ids.count == 10_000)
    }

    @Test(arguments: [
        "", "gpt-model", "01234567-89ab-7cde-8f01-23456789abcg", "0123456789ab7cde8f0123456789abcdef",
        "01234567-89ab-7cde-8f01-23456789abcde",
    ])
    func refusesWhatIsNoUUID(_ text: String) {
        #expect(!Identifier.isUUID(text))
    }
}
