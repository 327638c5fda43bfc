import ArgumentParser
import Catapult
import CatapultAPI

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// `mcp open`.
struct Open: SessionCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print the address of a deployment, or of the API's documentation, and open it in a browser.")

    @OptionGroup var target: DeploymentTarget

    @Flag(name: .customLong("print"), help: "Only print the address.")
    var printOnly = false

    @OptionGroup var global: GlobalOptions

    func run(in session: Session) async throws {
        let address: String
        if let deployment = target.optionalName {
            address = try await session.connect().send(GetDeployment(deploymentID: deployment)).endpoint()
        } else {
            address = try session.connection().url.root + "/docs"
        }
        if session.output.format == .json {
            session.output.json(["url": .string(address)])
        } else {
            session.output.line(SafeText.line(address))
        }
        guard !printOnly, session.surroundings.output.isTerminal, (try? ServerURL(address)) != nil else { return }
        Browser.open(address, environment: session.surroundings.environment)
    }
}

/// The desktop's browser, where there is one.
private enum Browser {
    /// Starts it and does not wait: a browser may stay in the foreground for hours.
    static func open(_ address: String, environment: [String: String]) {
        #if os(macOS)
        let opener = "open"
        #else
        let opener = "xdg-open"
        guard environment["DISPLAY"] != nil || environment["WAYLAND_DISPLAY"] != nil else { return }
        #endif
        var arguments: [UnsafeMutablePointer<CChar>?] = [strdup(opener), strdup(address), nil]
        var variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { (arguments + variables).forEach { free($0) } }
        var process = pid_t()
        _ = posix_spawnp(&process, opener, nil, nil, &arguments, &variables)
    }
}
