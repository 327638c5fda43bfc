#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The server's executable on this machine.
enum ServerProgram {
    static let name = "catapult-server"

    /// Its path: beside this tool, which is how both are installed, or on the PATH.
    ///
    /// Throws a ``Complaint`` where it is not.
    static func find(beside tool: String?, path: String, isExecutable: (String) -> Bool = { access($0, X_OK) == 0 }) throws -> String {
        let besides = tool.flatMap { tool in tool.lastIndex(of: "/").map { String(tool[..<$0]) } }
        let folders = [besides].compactMap { $0 } + path.split(separator: ":").map(String.init)
        for folder in folders where isExecutable("\(folder)/\(name)") { return "\(folder)/\(name)" }
        throw Complaint(
            .notFound, "the program \(name) is neither beside this tool nor on the PATH",
            hint: "Run this on the server's machine, or call \(name) there yourself.")
    }

    /// The path of this process's executable, links resolved.
    static func ownPath() -> String? {
        #if canImport(Glibc)
        let link = "/proc/self/exe"
        #else
        let link = CommandLine.arguments.first ?? ""
        #endif
        guard let path = realpath(link, nil) else { return nil }
        defer { free(path) }
        return String(cString: path)
    }

    /// Makes this process that program: terminal, signals and exit status are then its own. Returns only by throwing.
    static func become(_ program: String, _ arguments: [String]) throws {
        // What is ignored stays ignored across the change, and the tool ignores these to handle them itself.
        for number in [SIGINT, SIGTERM, SIGPIPE] { signal(number, SIG_DFL) }
        let copies = ([program] + arguments).map { strdup($0) } + [nil]
        execv(program, copies)
        throw Complaint(.failure, "cannot run \(program): \(String(cString: strerror(errno)))")
    }
}
