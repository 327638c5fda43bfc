/// The version of Catapult: server, SDK and tools are released together.
public enum CatapultVersion {
    /// Semantic version of this source tree.
    public static let current = "0.1.0"
}
