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
    /// Where other servers and their clients reach this one, where several share a database; nil means `http://host:port`.
    public var advertisedURL: String?
    /// Largest file that is taken over the network, in bytes; nil for no limit.
    public var maximumUploadSize: Int64?
    /// Largest JSON body in bytes.
    public var maximumBodySize: Int
    /// Who gets in besides those with a key, how often, and whose word on addresses is believed.
    var admission = RequestGate.Policy()
    /// Pages of which origins may use the server from a browser.
    var cors = CORSPolicy()
    /// Where requests to addresses that users give may go, besides the public Internet.
    public var outgoing = OutgoingPolicy()
    /// The hub from which models are imported.
    public var hub = HubConfiguration()
    /// Folder beneath the storage root whose folders the sync registers.
    public var modelsDirectory = "models"
    /// How often the sync runs by itself, at the start first; nil for only when somebody asks.
    public var syncInterval: Duration?

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
