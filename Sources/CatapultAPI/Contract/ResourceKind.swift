/// The kinds of things that Catapult keeps. The raw value is the name in codes and audit rows.
public enum ResourceKind: String, Sendable, CaseIterable {
    case model
    case version
    case alias
    case dependency
    case environment
    case build = "docker_build"
    case template
    case deployment
    case operation
    case apiKey = "api_key"
    case artifact
    case upload
    case auditLog = "audit_log"
    /// The server's storage as a whole.
    case storage

    /// The class-name stem of the wire contract's `error_type`.
    var className: String {
        switch self {
        case .model: "Model"
        case .version: "Version"
        case .alias: "Alias"
        case .dependency: "Dependency"
        case .environment: "Environment"
        case .build: "DockerBuild"
        case .template: "Template"
        case .deployment: "Deployment"
        case .operation: "Operation"
        case .apiKey: "ApiKey"
        case .artifact: "Artifact"
        case .upload: "Upload"
        case .auditLog: "AuditLog"
        case .storage: "Storage"
        }
    }

    /// How messages begin.
    var title: String {
        switch self {
        case .model: "Model"
        case .version: "Version"
        case .alias: "Alias"
        case .dependency: "Dependency"
        case .environment: "Environment"
        case .build: "Build"
        case .template: "Template"
        case .deployment: "Deployment"
        case .operation: "Operation"
        case .apiKey: "API key"
        case .artifact: "Artifact"
        case .upload: "Upload"
        case .auditLog: "Audit row"
        case .storage: "Storage"
        }
    }

    /// The noun of the CLI.
    var noun: String {
        switch self {
        case .build: "build"
        case .apiKey: "key"
        case .alias: "version alias"
        case .auditLog: "audit"
        default: rawValue
        }
    }
}
