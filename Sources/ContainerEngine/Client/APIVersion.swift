/// A version of the Engine API, such as 1.41.
public struct APIVersion: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The part before the dot.
    public let major: Int
    /// The part behind the dot.
    public let minor: Int

    /// Makes a version of its parts.
    public init(major: Int, minor: Int) {
        self.major = major
        self.minor = minor
    }

    /// Reads `major.minor`; nil for anything else.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ $0.utf8.count <= 4 && !$0.isEmpty && $0.utf8.allSatisfy { (48...57).contains($0) } }),
            let major = Int(parts[0]), let minor = Int(parts[1])
        else { return nil }
        self.init(major: major, minor: minor)
    }

    /// The version that this client is written for.
    public static let preferred = APIVersion(major: 1, minor: 43)

    /// The oldest version whose answers this client understands.
    public static let oldest = APIVersion(major: 1, minor: 40)

    /// The version to speak with an engine: ``preferred``, or the nearest one that the engine still or already offers.
    ///
    /// An engine whose oldest version is newer than ``preferred`` is spoken to in its oldest, since the API only rarely takes fields away.
    ///
    /// - Throws: ``ContainerEngineError/unsupportedEngine(version:needed:)`` for an engine older than ``oldest``.
    static func negotiated(engineNewest: APIVersion, engineOldest: APIVersion?) throws(ContainerEngineError) -> APIVersion {
        guard engineNewest >= oldest else { throw .unsupportedEngine(version: engineNewest, needed: oldest) }
        let shared = min(preferred, engineNewest)
        return engineOldest.map { max(shared, min($0, engineNewest)) } ?? shared
    }

    /// `major.minor`
    public var description: String { "\(major).\(minor)" }

    /// Orders by age.
    public static func < (left: APIVersion, right: APIVersion) -> Bool {
        (left.major, left.minor) < (right.major, right.minor)
    }
}
