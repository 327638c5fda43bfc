import Catapult
import CatapultAPI
import Foundation
import Subprocess
import Testing

extension Integration {
    /// Ways out of the storage root, through every call that takes a path. What they are is found in the catalogue, so that a new call is
    /// tried as well.
    @Suite struct PathTraversal {
        /// Words that stand in files outside and nowhere else.
        private static let canary = "canary-a4f1c09e"

        /// What hostile clients send in place of a path; `OUTSIDE` stands for a folder beside the storage root.
        private static let ways =
            [
                "..", "../", "../outside/secret.txt", "a/../../outside/secret.txt", "a/../../../../../../../../etc/passwd", "/etc/passwd",
                "//etc//passwd", "OUTSIDE", "OUTSIDE/secret.txt", "./../outside", "...//...//etc/passwd", "..;/outside",
                "..\\outside\\secret.txt",
                "a\\..\\..\\outside", "%2e%2e/outside/secret.txt", "%2e%2e%2foutside", "..%252foutside", "%c0%ae%c0%ae/outside",
                "\u{FF0E}\u{FF0E}/outside", "..\u{2215}outside", "a\0/../outside", "\0", "way-out", "way-out/secret.txt",
                "way-out/../storage",
                "deep/way-out/secret.txt", "absolute-way-out/secret.txt", "loop", "loop/a", "file-way-out", "~root", "$HOME",
                "file:///etc/passwd",
                ".catapult/../../outside/secret.txt", "/proc/self/environ", "/proc/self/root/etc/passwd", " ../outside", "../outside ",
                "\n../outside",
                String(repeating: "../", count: 200) + "etc/passwd", String(repeating: "a/", count: 2_000) + "b",
                String(repeating: "a", count: 5_000),
                "/fsx/../outside/secret.txt", "/ceph/../../outside/secret.txt", "/fsx/way-out/secret.txt",
            ]

        @Test func `no path leads out of the storage root, whatever takes it`() async throws {
            try await TestServer.run { server in
                let version = try await server.register(server.name("model"))
                let outside = try Self.makeWaysOut(server)
                let before = try Self.everything(in: outside)
                var asked = 0
                for call in Catalogue.calls {
                    let inputs = SchemaReflector(.input)
                    let description = CallDescription(call, inputs: inputs, outputs: SchemaReflector(.output))
                    for property in description.path + description.query + description.body where Self.isPath(property) {
                        for way in Self.ways {
                            let path = way.replacing("OUTSIDE", with: outside)
                            let request = Self.request(description, property.name, path, version, server, number: asked)
                            let answer = try await Self.send(request, server)
                            asked += 1
                            let what = "\(call.name) with \(property.name) = \(way.debugDescription.prefix(80)): \(answer.prefix(600))"
                            #expect(!answer.contains(Self.canary) && !answer.contains("root:x:0"), "read: \(what)")
                            // What was asked is said again by calls that keep it; only these list what is there.
                            if call.name.hasPrefix("list") || call.name.hasPrefix("browse") {
                                #expect(!answer.contains("secret.txt\",\"") || answer.contains("\"code\""), "listed: \(what)")
                            }
                            #expect(!answer.hasSuffix("500"), "\(what)")
                        }
                    }
                }
                #expect(asked >= 3 * Self.ways.count)
                // The files of a version have paths, too.
                for way in Self.ways {
                    let path = JSONValue.string(way.replacing("OUTSIDE", with: outside)).jsonText
                    let file = #"{"path": \#(path), "size_bytes": 4, "sha256": "\#(String(repeating: "0", count: 64))"}"#
                    let answer = try await server.request(
                        .post, "/api/v1/versions",
                        body: #"{"model_id": "\#(version.modelID)", "version": "w\#(asked)", "files": [\#(file)]}"#)
                    asked += 1
                    #expect(answer.status < 500, "files[0].path = \(way.debugDescription.prefix(80)): \(answer)")
                }
                #expect(try Self.everything(in: outside) == before, "nothing outside was written, changed or removed")
            }
        }

        /// Paths on the server's disk, by their names; those of a container's endpoint are none.
        private static func isPath(_ property: JSONSchema.Property) -> Bool {
            let isText = property.schema == .string() || property.schema == .nullable(.string())
            return isText && !["health_path", "endpoint_path"].contains(property.name)
                && (property.name == "path" || property.name.hasSuffix("_path") || ["folder", "directory"].contains(property.name))
        }

        /// Symbolic links that lead out of the storage root, one that leads to itself, and a folder outside with what must not be seen.
        private static func makeWaysOut(_ server: TestServer) throws -> String {
            let outside = "\(server.data)/outside"
            let files = FileManager.default
            try files.createDirectory(atPath: outside, withIntermediateDirectories: true)
            try Data(canary.utf8).write(to: URL(filePath: "\(outside)/secret.txt"))
            try files.createDirectory(atPath: "\(server.storage)/deep", withIntermediateDirectories: true)
            for (link, target) in [
                ("way-out", "../outside"), ("deep/way-out", "../../outside"), ("absolute-way-out", outside), ("loop", "loop"),
                ("file-way-out", "../outside/secret.txt"),
            ] {
                try files.createSymbolicLink(atPath: "\(server.storage)/\(link)", withDestinationPath: target)
            }
            return outside
        }

        /// Names and contents.
        private static func everything(in folder: String) throws -> [String: Data] {
            var found: [String: Data] = [:]
            for name in try FileManager.default.subpathsOfDirectory(atPath: folder) {
                found[name] = (try? Data(contentsOf: URL(filePath: "\(folder)/\(name)"))) ?? Data()
            }
            return found
        }

        private struct Request {
            var method: String
            var path: String
            var body: String?
        }

        /// A request that is right but for one property; ids are those of things that exist.
        private static func request(
            _ description: CallDescription, _ name: String, _ value: String, _ version: Version, _ server: TestServer, number: Int
        ) -> Request {
            func sample(_ property: JSONSchema.Property) -> JSONValue {
                if property.name == name { return .string(value) }
                switch property.name {
                case "model_id", "image_id": return .string(version.modelID)
                case "version_id", "release_id": return .string(version.id)
                case "source_id": return "vllm_wheels"
                case "storage_path", "path": return "a"
                case "sha256", "checksum", "digest": return .string(String(repeating: "0", count: 64))
                default: break
                }
                switch property.schema {
                case .integer, .number: return 4
                case .boolean: return false
                case .array: return []
                case .map, .object, .any: return [:]
                default: return .string("\(server.name("p"))-\(number)")
                }
            }
            var path = description.call.route.path
            for property in description.path {
                let text = sample(property).stringValue ?? ""
                // Slashes stand as they are where the rest of a path is taken; in one segment they cannot.
                let isRest = path.contains("{\(property.name)...}")
                let allowed = isRest ? CharacterSet.urlPathAllowed.union(["%"]) : CharacterSet.alphanumerics.union(["-", ".", "%"])
                let encoded = text.addingPercentEncoding(withAllowedCharacters: allowed) ?? ""
                path = path.replacing(isRest ? "{\(property.name)...}" : "{\(property.name)}", with: encoded)
            }
            let query = description.query.filter { $0.isRequired || $0.name == name }.map { property in
                let value = sample(property)
                let text = value.stringValue ?? value.jsonText
                return "\(property.name)=\(text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? "")"
            }
            if !query.isEmpty { path += "?" + query.joined(separator: "&") }
            let alternatives = Set(description.alternatives.compactMap(\.first))
            let members = description.body.filter { $0.isRequired || $0.name == name || alternatives.contains($0.name) }
            let body = JSONValue.object(Dictionary(members.map { ($0.name, sample($0)) }) { first, _ in first })
            return Request(
                method: description.call.route.method.rawValue, path: path,
                body: description.call.hasBody ? body.jsonText : description.call.requestBody == .json ? nil : "abcd")
        }

        /// Head, body and status of the answer. By curl, which sends a path as it stands; an answer without an end is cut off.
        private static func send(_ request: Request, _ server: TestServer) async throws -> String {
            var arguments = [
                "--silent", "--path-as-is", "--globoff", "--include", "--max-time", "10", "--write-out", "%{http_code}", "--request",
                request.method,
                "--header", "X-API-Key: \(try server.adminKey)", "\(server.url)\(request.path)",
            ]
            if let body = request.body {
                arguments += ["--data-binary", "@-", "--header", "Expect:", "--header", "Content-Type: application/json"]
                return try await Subprocess.run(
                    .name("curl"), arguments: Arguments(arguments), input: .string(body), output: .string(limit: 4 << 20)
                ).standardOutput
            }
            return try await Subprocess.run(.name("curl"), arguments: Arguments(arguments), output: .string(limit: 4 << 20)).standardOutput
        }
    }
}
