/// What an engine says of its version.
public struct EngineVersion: Sendable, Hashable, Decodable {
    /// The engine's version, such as `20.10.24`.
    public let version: String
    /// The newest version of the API that it speaks.
    public let apiVersion: APIVersion
    /// The oldest version of the API that it speaks; nil where it does not say.
    public let oldestAPIVersion: APIVersion?
    /// Such as `linux`.
    public let operatingSystem: String
    /// Such as `amd64`.
    public let architecture: String
    /// The kernel's version.
    public let kernelVersion: String

    private enum Key: String, CodingKey {
        case version = "Version"
        case apiVersion = "ApiVersion"
        case oldestAPIVersion = "MinAPIVersion"
        case operatingSystem = "Os"
        case architecture = "Arch"
        case kernelVersion = "KernelVersion"
    }

    /// Reads the answer of `GET /version`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        version = try container.decode(String.self, forKey: .version)
        guard let api = APIVersion(try container.decode(String.self, forKey: .apiVersion)) else {
            throw DecodingError.dataCorruptedError(forKey: .apiVersion, in: container, debugDescription: "not a version")
        }
        apiVersion = api
        oldestAPIVersion = try container.decodeIfPresent(String.self, forKey: .oldestAPIVersion).flatMap { APIVersion($0) }
        operatingSystem = try container.decodeIfPresent(String.self, forKey: .operatingSystem) ?? ""
        architecture = try container.decodeIfPresent(String.self, forKey: .architecture) ?? ""
        kernelVersion = try container.decodeIfPresent(String.self, forKey: .kernelVersion) ?? ""
    }
}
