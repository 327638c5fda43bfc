import Hummingbird
import Logging
import NIOCore

/// The state of one HTTP request on its way through the middleware.
struct HTTPContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// Set by the outermost middleware.
    var requestID = ""
    /// Carries the request's id; set by the outermost middleware.
    var requestLogger: Logger
    let remoteAddress: SocketAddress?
    /// The connection, for what goes around the framework: files sent by the kernel, and `100 Continue`.
    let channel: any Channel
    /// What has become of the request's body.
    let bodyState = BodyState()

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        requestLogger = source.logger
        // Our own request id says it.
        requestLogger[metadataKey: "hb.request.id"] = nil
        remoteAddress = source.channel.remoteAddress
        channel = source.channel
    }
}
