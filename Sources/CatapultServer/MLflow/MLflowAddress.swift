import CatapultAPI
import Foundation

/// What the page of MLflow's web interface that a version names is about. The interface keeps its place in the fragment of the URL
/// (`https://host/#/experiments/1/runs/abc`), so no request would ever carry it.
struct MLflowAddress: Sendable, Equatable {
    /// A thing that MLflow keeps.
    enum Resource: Sendable, Equatable {
        case run(id: String, experiment: String)
        case experiment(id: String)
        case model(name: String, version: String?)

        /// As `resource_type` names it.
        var type: String {
            switch self {
            case .run: "run"
            case .experiment: "experiment"
            case .model: "registered_model"
            }
        }
    }

    /// Scheme, host, port and the path before the fragment, without a slash at the end.
    var base: String
    var resource: Resource

    /// Reads a URL.
    /// - Throws: 400 InvalidConfigurationError with the forms that are understood.
    init(_ text: String) throws(CatapultError) {
        guard let components = URLComponents(string: text), let scheme = components.scheme?.lowercased(),
            ["http", "https"].contains(scheme),
            let host = components.host, !host.isEmpty, let fragment = components.percentEncodedFragment
        else { throw Self.wrong(text) }
        // The interface may put its own query behind the path: `#/experiments/1?searchFilter=…`.
        let path = fragment.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false).first ?? ""
        let parts = path.split(separator: "/").map { String($0).removingPercentEncoding ?? String($0) }
        switch (parts.first, parts.count) {
        case ("experiments", 2): resource = .experiment(id: parts[1])
        case ("experiments", 4...) where parts[2] == "runs": resource = .run(id: parts[3], experiment: parts[1])
        case ("models", 2): resource = .model(name: parts[1], version: nil)
        case ("models", 4) where parts[2] == "versions": resource = .model(name: parts[1], version: parts[3])
        default: throw Self.wrong(text)
        }
        let port = components.port.map { ":\($0)" } ?? ""
        let prefix = components.percentEncodedPath.split(separator: "/").joined(separator: "/")
        let shown = host.contains(":") && !host.hasPrefix("[") ? "[\(host)]" : host
        base = "\(scheme)://\(shown)\(port)" + (prefix.isEmpty ? "" : "/\(prefix)")
    }

    /// The request of MLflow's REST API 2.0 that describes the resource.
    var request: String {
        func encoded(_ text: String) -> String { text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? text }
        let api = "\(base)/api/2.0/mlflow"
        return switch resource {
        case .run(let id, _): "\(api)/runs/get?run_id=\(encoded(id))"
        case .experiment(let id): "\(api)/experiments/get?experiment_id=\(encoded(id))"
        case .model(let name, _): "\(api)/registered-models/get?name=\(encoded(name))"
        }
    }

    private static func wrong(_ text: String) -> CatapultError {
        .invalid(
            field: "mlflow_url", "The MLflow URL \(text.prefix(200)) names no run, experiment or model",
            hint:
                "Copy the address of a page of MLflow: https://host/#/experiments/1/runs/abc, #/experiments/1, #/models/name or #/models/name/versions/2.",
            details: ["mlflow_url": .string(String(text.prefix(1_000)))])
    }
}
