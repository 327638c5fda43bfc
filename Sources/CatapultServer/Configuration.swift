/// What a server is told at its start.
public struct ServerConfiguration: Sendable {
    /// Address to listen on.
    public var host: String
    /// Port to listen on; 0 takes a free one.
    public var port: Int
    /// Folder of the server's own files: database, admin key, logs.
    public var dataDirectory: String
    /// `sqlite:///path`; nil means `catapult.sqlite` in the data directory.
    public var databaseURL: String?
    /// Folder beneath which model files lie; nil means `storage` in the data directory.
    public var storageRoot: String?
    /// Folder of the build templates.
    public var templatesDirectory: String
    /// Values of the build argument BASE_IMAGE for builds that do not set it.
    public var baseImages = BaseImages()
    /// The admin's key instead of a random one.
    public var adminKey: String?
    /// Name of this installation.
    public var environmentName: String
    /// Ports that deployments get.
    public var deploymentPorts: ClosedRange<Int>
    /// Address on which deployments listen.
    public var deploymentHost: String
    /// Largest JSON body in bytes.
    public var maximumBodySize: Int

    /// Defaults of a server on one's own machine.
    public init(dataDirectory: String, templatesDirectory: String) {
        host = "127.0.0.1"
        port = 8080
        self.dataDirectory = dataDirectory
        self.templatesDirectory = templatesDirectory
        environmentName = "development"
        deploymentPorts = 9_000...9_999
        deploymentHost = "127.0.0.1"
        maximumBodySize = 4 << 20
    }
}
