import CatapultAPI
import Hummingbird
import NIOCore

/// Serves the description of the API: for programs at `/api/openapi.json` (and `/openapi.json`), for people at `/docs` (and `/redoc`).
enum DocumentRoutes {
    // Made when first asked for: most starts of a server need neither.
    private static let document = ByteBuffer(bytes: OpenAPI.document(version: CatapultVersion.current).jsonBytes)
    private static let page = ByteBuffer(string: APIReference.page(version: CatapultVersion.current))

    static func register(_ router: Router<HTTPContext>) {
        for path in ["/api/openapi.json", "/openapi.json"] {
            router.get(RouterPath(path)) { _, _ in
                Response(status: .ok, headers: [.contentType: "application/json"], body: ResponseBody(byteBuffer: document))
            }
        }
        for path in ["/docs", "/redoc"] {
            router.get(RouterPath(path)) { _, _ in
                Response(
                    status: .ok,
                    headers: [
                        .contentType: "text/html; charset=utf-8", .contentSecurityPolicy: "default-src 'none'; style-src 'unsafe-inline'",
                    ],
                    body: ResponseBody(byteBuffer: page))
            }
        }
    }
}
