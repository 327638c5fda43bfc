import Catapult

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Which server a command speaks to, and with which key. A pure choice; the key is read when it is needed.
struct ConnectionChoice: Sendable, Equatable {
    /// Where the key comes from.
    enum KeySource: Sendable, Equatable {
        case none
        case value(String)
        /// A file that holds the key alone; `-` is standard input.
        case file(String)
    }

    var url: ServerURL
    var keySource: KeySource

    /// Chooses. The address: --url, --context, REGISTRY_URL, the current context, the standard address. The key: --key-file, the key of
    /// --context, REGISTRY_API_KEY, CATAPULT_KEY_FILE, the current context's key. A context's key goes to no other server than the context's.
    ///
    /// - Parameters:
    ///   - options: the options of the command.
    ///   - environment: the environment variables.
    ///   - contexts: gives the contexts; not called where they cannot matter.
    static func choose(options: GlobalOptions, environment: [String: String], contexts: () throws -> Contexts) throws -> ConnectionChoice {
        func variable(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }

        let keyIsGiven = options.keyFile != nil || variable("REGISTRY_API_KEY") != nil || variable("CATAPULT_KEY_FILE") != nil
        let urlIsGiven = options.url != nil || variable("REGISTRY_URL") != nil
        let known = options.context != nil || !keyIsGiven || !urlIsGiven ? try contexts() : Contexts()
        let named = try options.context.map { try known.named($0) }
        // A current context that is gone is an error only where something else does not decide.
        let current =
            try named == nil && !urlIsGiven ? known.current.map { try known.named($0) } : known.current.flatMap { known.contexts[$0] }

        let text = options.url ?? named?.url ?? variable("REGISTRY_URL") ?? current?.url
        let url = try text.map { text throws(ConfigurationError) in try ServerURL(text) } ?? .standard

        func key(of entry: Contexts.Entry?) -> KeySource? {
            guard let entry, let key = entry.key, (try? ServerURL(entry.url)) == url else { return nil }
            return .value(key)
        }
        let source =
            options.keyFile.map(KeySource.file) ?? key(of: named) ?? variable("REGISTRY_API_KEY").map(KeySource.value)
            ?? variable("CATAPULT_KEY_FILE").map(KeySource.file) ?? key(of: current) ?? .none
        return ConnectionChoice(url: url, keySource: source)
    }

    /// The key itself.
    func key(input: Source) async throws -> String? {
        switch keySource {
        case .none: return nil
        case .value(let key): return key
        case .file("-"): return try Self.checked(await input.readAll(Self.longestKeyFile), from: "standard input")
        case .file(let path):
            guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
                throw Complaint(.usage, "cannot read the key file \(path)", hint: "Name a file that holds the API key alone, on one line.")
            }
            return try Self.checked(text, from: path)
        }
    }

    private static let longestKeyFile = 4_096

    private static func checked(_ text: String, from place: String) throws -> String {
        let key = text.split(whereSeparator: \.isWhitespace)
        guard key.count == 1, text.utf8.count <= longestKeyFile else {
            throw Complaint(.usage, "\(place) does not hold one API key", hint: "It must hold the key alone, on one line.")
        }
        return String(key[0])
    }
}
