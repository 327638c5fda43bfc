/// All calls of the contract. Routes, documents and the parity tests of every face walk this list.
public enum Catalogue {
    /// Every call, in the order of documents. Each area lists its own calls beside their declarations.
    public static let calls: [any APICall.Type] =
        models + versions + aliases + versionLife + dependencies + artifacts + uploads + search + environments + builds + deployments
        + operations + access + system + mlflow + imports + preprocessing
}
