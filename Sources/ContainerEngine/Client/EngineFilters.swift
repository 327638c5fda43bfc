/// Values of the API's `filters` parameter.
enum EngineFilters {
    /// `key=value`, or `key` alone where the value is empty and any will do.
    static func labels(_ labels: [String: String]) -> [String] {
        labels.map { $0.value.isEmpty ? $0.key : "\($0.key)=\($0.value)" }.sorted()
    }
}
