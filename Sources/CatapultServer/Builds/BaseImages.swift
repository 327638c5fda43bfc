/// The base images that a server gives to builds that do not name one: one for every template, or one for some of them.
public struct BaseImages: Sendable, Equatable {
    private var everyTemplate: String?
    private var byTemplate: [String: String] = [:]

    /// None: each template's own default holds.
    public init() {}

    /// What is allowed, to follow "must be".
    public static let allowed = "an image, or template=image pairs with commas between them"

    /// Reads `image`, or `template=image,template=image`. Nil for anything else.
    public init?(_ text: String) {
        guard text.contains("=") else {
            guard ImageTag.isReference(text) else { return nil }
            everyTemplate = text
            return
        }
        for pair in text.split(separator: ",", omittingEmptySubsequences: false) {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty, ImageTag.isReference(String(parts[1])) else { return nil }
            byTemplate[String(parts[0])] = String(parts[1])
        }
    }

    /// The image for a template; nil where the template's own default holds. A Dockerfile of one's own belongs to no template.
    func image(for template: String?) -> String? { template.flatMap { byTemplate[$0] } ?? everyTemplate }
}
