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

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        requestLogger = source.logger
        // Our own request id says it.
        requestLogger[metadataKey: "hb.request.id"] = nil
        remoteAddress = source.channel.remoteAddress
    }
}
