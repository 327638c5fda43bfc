import CatapultAPI
import SQLDatabase

/// What deployments need of builds: the image of a version, and a build where there is none.
protocol ImageBuilding: Sendable {
    /// The newest successful build of a version whose image has not been removed.
    func newestImage(ofVersion versionID: String, in connection: any SQLConnection) throws -> Build?
    /// The build with an id, of a model inside of the scope.
    func build(_ id: String, for scope: KeyScope, in connection: any SQLConnection) throws -> Build
    /// Whether an image of this name was made, but only for models outside of the scope.
    func isForeign(_ imageTag: String, to scope: KeyScope, in connection: any SQLConnection) throws -> Bool
    /// Plans a build of a version with its model's template and queues its operation as a child of another one, in the caller's transaction.
    func enqueue(version: Version, parentOperation: String?, createdBy: String?, in connection: any SQLConnection) throws -> Build
    /// What a replica of an image made from a template must know: port, health path, grace times. For images of unknown origin: the contract's defaults.
    func template(of build: Build?) -> Template
    /// Wakes the workers after the transaction that queued a build.
    func wake()
}
