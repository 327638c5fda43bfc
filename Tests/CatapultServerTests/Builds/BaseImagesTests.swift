import Testing

@testable import CatapultServer

@Suite("Base images") struct BaseImagesTests {
    @Test func oneImageIsForEveryTemplate() {
        let images = BaseImages("registry.local:5000/python:3.11")
        #expect(images?.image(for: "llama-cpp") == "registry.local:5000/python:3.11")
        #expect(images?.image(for: nil) == "registry.local:5000/python:3.11")
    }

    @Test func pairsLeaveOtherTemplatesAlone() {
        let images = BaseImages("llama-cpp=catapult/llama-cpp-base:local,generic=python:3.12")
        #expect(images?.image(for: "llama-cpp") == "catapult/llama-cpp-base:local")
        #expect(images?.image(for: "generic") == "python:3.12")
        #expect(images?.image(for: "vllm") == nil)
        #expect(images?.image(for: nil) == nil)
    }

    @Test(arguments: ["", "=image", "llama-cpp=", "a=b,,c=d", "a=b,c", "Not An Image"])
    func refusesWhatIsNeither(_ text: String) {
        #expect(BaseImages(text) == nil)
    }
}
