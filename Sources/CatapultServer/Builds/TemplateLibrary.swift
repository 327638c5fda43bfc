import CatapultAPI
import Glibc
import Logging
import NIOConcurrencyHelpers
import NIOCore

/// A template as it was read: its manifest, and the bytes of its files, so that a build never sees half of a change.
struct BuildTemplate: Sendable, Equatable {
    /// A file that goes into the build context.
    struct File: Sendable, Equatable {
        var name: String
        var bytes: ByteBuffer
        var isExecutable: Bool
    }

    var manifest: TemplateManifest
    var dockerfile: String
    var files: [File]

    var name: String { manifest.name }

    /// The template as clients see it.
    var resource: Template {
        Template(
            name: manifest.name, summary: manifest.summary, serverTypes: manifest.serverTypes, requiresGPU: manifest.requiresGPU,
            port: manifest.port, healthPath: manifest.healthPath, startGraceSeconds: manifest.startGraceSeconds,
            stopGraceSeconds: manifest.stopGraceSeconds, baseImage: manifest.baseImage, buildArgs: manifest.buildArgs,
            environment: manifest.environment, endpoints: manifest.endpoints)
    }
}

/// The build templates: the folders of one folder. They are read again when something in it has changed, so a template that is dropped in is
/// there at the next question. A broken one is told of in the log, and refused with the reason when it is asked for.
final class TemplateLibrary: Sendable {
    /// The templates at one moment.
    struct Contents: Sendable, Equatable {
        /// Good templates by name.
        var templates: [String: BuildTemplate] = [:]
        /// What is wrong with the others, by the name of their folder.
        var problems: [String: TemplateProblem] = [:]

        /// Good templates in the order of their names.
        var sorted: [BuildTemplate] { templates.values.sorted { $0.name < $1.name } }
    }

    private struct State {
        var signature: [FolderSignature]?
        var contents = Contents()
    }

    private let directory: String
    private let logger: Logger
    private let state = NIOLockedValueBox(State())

    /// Reads the templates in a folder.
    init(directory: String, logger: Logger) {
        self.directory = directory
        self.logger = logger
        _ = contents()
    }

    /// The templates as they are now: a few calls of `stat` when nothing has changed.
    func contents() -> Contents {
        state.withLockedValue { state in
            let signature = TemplateFolder.names(in: directory).map { FolderSignature(name: $0, path: "\(directory)/\($0)") }
            if signature == state.signature { return state.contents }
            let contents = Self.load(signature.map(\.name), from: directory)
            for (name, problem) in contents.problems.sorted(by: { $0.key < $1.key }) where state.contents.problems[name] != problem {
                logger.warning("a build template cannot be used", metadata: ["template": "\(name)", "reason": "\(problem)"])
            }
            if contents.templates.isEmpty, state.signature == nil {
                logger.warning("there are no build templates", metadata: ["folder": "\(directory)"])
            }
            state = State(signature: signature, contents: contents)
            return contents
        }
    }

    private static func load(_ names: [String], from directory: String) -> Contents {
        var contents = Contents()
        var owners: [String: String] = [:]
        for name in names {
            do throws(TemplateProblem) {
                let template = try TemplateFolder(path: "\(directory)/\(name)", name: name).read()
                for type in template.manifest.serverTypes {
                    guard let owner = owners[type] else { continue }
                    throw TemplateProblem(
                        file: TemplateManifest.fileName, key: "server_types",
                        reason: "'\(type)' is a server type of the template '\(owner)' already")
                }
                for type in template.manifest.serverTypes { owners[type] = name }
                contents.templates[name] = template
            } catch {
                contents.problems[name] = error
            }
        }
        return contents
    }
}

/// When a template's folder was last changed, as far as the file system tells: changes when any entry of the folder does.
private struct FolderSignature: Equatable {
    private struct Entry: Equatable {
        var name: String
        var inode: UInt
        var size: Int
        var seconds: Int
        var nanoseconds: Int
    }

    let name: String
    private let entries: [Entry]

    init(name: String, path: String) {
        self.name = name
        entries = TemplateFolder.names(in: path, directoriesOnly: false).compactMap { entry in
            var facts = stat()
            guard lstat("\(path)/\(entry)", &facts) == 0 else { return nil }
            return Entry(
                name: entry, inode: UInt(facts.st_ino), size: Int(facts.st_size), seconds: facts.st_mtim.tv_sec,
                nanoseconds: facts.st_mtim.tv_nsec)
        }
    }
}

/// One template's folder on disk.
private struct TemplateFolder {
    /// Files of a template are scripts and settings; a larger one is not read.
    private static let maximumFileBytes = 1 << 20

    let path: String
    let name: String

    func read() throws(TemplateProblem) -> BuildTemplate {
        let manifest = try TemplateManifest(parsing: try text(TemplateManifest.fileName), folder: name)
        let dockerfile = try text(manifest.dockerfile)
        var files: [BuildTemplate.File] = []
        for file in manifest.files {
            let (bytes, isExecutable) = try contents(file)
            files.append(BuildTemplate.File(name: file, bytes: ByteBuffer(bytes: bytes), isExecutable: isExecutable))
        }
        return BuildTemplate(manifest: manifest, dockerfile: dockerfile, files: files)
    }

    private func text(_ file: String) throws(TemplateProblem) -> String {
        guard let text = String(validating: try contents(file).bytes, as: UTF8.self) else {
            throw TemplateProblem(file: file, reason: "is not UTF-8 text")
        }
        return text
    }

    /// Reads a regular file that lies in the folder itself: a link could lead anywhere on the server.
    private func contents(_ file: String) throws(TemplateProblem) -> (bytes: [UInt8], isExecutable: Bool) {
        let descriptor = open("\(path)/\(file)", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else {
            throw TemplateProblem(
                file: file, reason: errno == ELOOP ? "must not be a symbolic link" : "cannot be read: \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        var facts = stat()
        guard fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else {
            throw TemplateProblem(file: file, reason: "must be a regular file")
        }
        var bytes: [UInt8] = []
        while true {
            let piece = [UInt8](unsafeUninitializedCapacity: 64 << 10) { buffer, count in
                count = max(0, Glibc.read(descriptor, buffer.baseAddress, buffer.count))
            }
            if piece.isEmpty { return (bytes, facts.st_mode & S_IXUSR != 0) }
            bytes += piece
            guard bytes.count <= Self.maximumFileBytes else {
                throw TemplateProblem(file: file, reason: "has more than \(Self.maximumFileBytes) bytes")
            }
        }
    }

    /// The entries of a folder in order, without hidden ones; empty when it cannot be read.
    static func names(in folder: String, directoriesOnly: Bool = true) -> [String] {
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory), names.count < 1_000 {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            guard !name.hasPrefix(".") else { continue }
            if directoriesOnly {
                var facts = stat()
                guard lstat("\(folder)/\(name)", &facts) == 0, facts.st_mode & S_IFMT == S_IFDIR else { continue }
            }
            names.append(name)
        }
        return names.sorted()
    }
}
