import CatapultAPI
import Testing

@testable import Catapult

@Suite struct WireRequestTests {
    @Test func pathParametersGoIntoTheRouteEncoded() throws {
        let request = try WireRequest(GetModel(modelID: "team/größe 1?"))
        #expect(request.method == .get)
        #expect(request.target == "/api/v1/models/team%2Fgr%C3%B6%C3%9Fe%201%3F")
        #expect(request.body == nil)
    }

    @Test func theRestOfAReadGoesIntoTheQueryInOrderOfNames() throws {
        let request = try WireRequest(ListModels(page: 2, size: 20, search: "a&b=c", includeOrphaned: true))
        #expect(request.target == "/api/v1/models?include_orphaned=true&page=2&search=a%26b%3Dc&size=20")
    }

    @Test func aReadWithoutParametersHasNoQuery() throws {
        #expect(try WireRequest(ListModels()).target == "/api/v1/models")
        #expect(try WireRequest(GetGreeting()).target == "/")
    }

    @Test func theRestOfAWriteGoesIntoTheBodyWithoutAbsentMembers() throws {
        let request = try WireRequest(ScaleDeployment(deploymentID: "d-1", replicas: 5))
        #expect(request.target == "/api/v1/deployments/d-1/scale")
        #expect(request.body == ["replicas": 5])
        let creation = try WireRequest(CreateEnvironment(name: "prod", type: .gpu, resources: ResourceRequest(memory: "32Gi", gpu: 1)))
        #expect(creation.body == ["name": "prod", "type": "gpu", "resources": ["memory": "32Gi", "gpu": 1]])
    }

    @Test func aWriteWithoutFieldsSendsAnEmptyObject() throws {
        #expect(try WireRequest(StopDeployment(deploymentID: "d-1")).body == [:])
    }

    @Test func anUploadHasNoJSONBodyAndKeepsTheSlashesOfItsPath() throws {
        let request = try WireRequest(UploadVersionFile(versionID: "v-1", path: "weights/part 1.bin"))
        #expect(request.target == "/api/v1/versions/v-1/files/weights/part%201.bin")
        #expect(request.body == nil)
    }

    @Test(arguments: ["", ".", ".."]) func aParameterThatIsNoSegmentIsRefusedByName(text: String) {
        let error = #expect(throws: CatapultError.self) { try WireRequest(GetModel(modelID: text)) }
        #expect(error?.status == 422)
        #expect(error?.field == "model_id")
    }

    @Test(arguments: ["a//b", "../a", "/a", "a/"]) func aFilePathThatLeavesItsFolderIsRefused(path: String) {
        #expect(throws: CatapultError.self) { try WireRequest(UploadVersionFile(versionID: "v", path: path)) }
    }
}

@Suite struct ServerURLTests {
    @Test(arguments: [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"), ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
        ("http://Host:8080/api", "http://host:8080"), ("https://host/api/v1/", "https://host"),
        ("http://host/catapult/api", "http://host/catapult"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ])
    func formsOfEarlierClientsMeanTheSameServer(text: String, root: String) throws {
        #expect(try ServerURL(text).root == root)
    }

    @Test(arguments: [
        ("127.0.0.1:8080", "has no scheme"), ("ftp://host", "scheme ftp"), ("http://", "has no host"), ("http://host:0", "port 0"),
        ("http://host:x", "port x"), ("http://me:secret@host", "user or a password"), ("http://host/?a=b", "query"),
        ("http://ho st", "space"),
        ("http://[::1", "unclosed"),
    ])
    func otherTextIsRefusedWithAReason(text: String, reason: String) {
        let error = #expect(throws: ConfigurationError.self) { try ServerURL(text) }
        #expect(error?.reason.contains(reason) == true, "\(String(describing: error))")
        #expect(error?.description.contains("secret") == false)
    }
}
