import Yams

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The servers that a person works with, and which of them is the current one.
struct Contexts: Codable, Sendable, Equatable {
    /// One server.
    struct Entry: Codable, Sendable, Equatable {
        /// Its root.
        var url: String
        /// The key for it.
        var key: String?
    }

    /// Name of the context that is used unless another is asked for.
    var current: String?
    /// The contexts by name.
    var contexts: [String: Entry] = [:]

    /// The context of a name.
    ///
    /// - Throws: `Complaint` that says which there are.
    func named(_ name: String) throws -> Entry {
        if let entry = contexts[name] { return entry }
        let names = contexts.keys.sorted().joined(separator: ", ")
        throw Complaint(
            .usage, "there is no context \(name)",
            hint: names.isEmpty ? "Make one with `mcp context add \(name) --url URL`." : "There are: \(names)."
        )
    }
}

/// The file that keeps contexts: `catapult/contexts.yml` in the configuration folder, readable by its owner only, since it holds keys.
struct ContextFile: Sendable {
    let path: String

    /// The file that the environment chooses: below `XDG_CONFIG_HOME` (XDG Base Directory Specification), by default `~/.config`.
    init(_ environment: [String: String]) {
        let configured = environment["XDG_CONFIG_HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil }
        path = "\(configured ?? "\(environment["HOME"] ?? "")/.config")/catapult/contexts.yml"
    }

    /// The contexts; none where the file does not exist.
    func read() throws -> Contexts {
        guard access(path, F_OK) == 0 else { return Contexts() }
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw Complaint(.usage, "cannot read \(path)", hint: "Make it readable for yourself, or remove it and add the contexts again.")
        }
        do {
            return try YAMLDecoder().decode(Contexts.self, from: text)
        } catch {
            throw Complaint(
                .usage, "\(path) is no list of contexts",
                hint: "It should hold `current: NAME` and `contexts: {NAME: {url: …, key: …}}`; remove it to begin anew."
            )
        }
    }

    /// Replaces the file as a whole, so that a reader never sees half of it.
    func write(_ contexts: Contexts) throws {
        let text = try YAMLEncoder().encode(contexts)
        let folder = String(path.prefix(upTo: path.lastIndex(of: "/") ?? path.startIndex))
        let temporary = "\(path).\(getpid())"
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw Complaint(.failure, "cannot make the folder \(folder)", hint: "Set XDG_CONFIG_HOME to a folder that you may write to.")
        }
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Complaint(.failure, "cannot write \(temporary): \(String(cString: strerror(errno)))") }
        var failed = false
        Array(text.utf8).withUnsafeBytes { bytes in
            var offset = 0
            while offset < bytes.count, !failed {
                let written = Self.systemWrite(descriptor, UnsafeRawBufferPointer(rebasing: bytes[offset...]))
                if written > 0 { offset += written } else { failed = errno != EINTR }
            }
        }
        let reason = errno
        failed = fsync(descriptor) != 0 || failed
        close(descriptor)
        guard !failed, rename(temporary, path) == 0 else {
            unlink(temporary)
            throw Complaint(.failure, "cannot write \(path): \(String(cString: strerror(reason)))")
        }
    }

    private static func systemWrite(_ descriptor: CInt, _ bytes: UnsafeRawBufferPointer) -> Int {
        #if canImport(Glibc)
        Glibc.write(descriptor, bytes.baseAddress, bytes.count)
        #else
        Darwin.write(descriptor, bytes.baseAddress, bytes.count)
        #endif
    }
}
