import ArgumentParser
import Catapult
import CatapultAPI

/// `mcp upload`.
struct UploadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "upload", abstract: "Look after uploads that are under way or were left open.", subcommands: [List.self, Cancel.self])

    struct List: SessionCommand {
        static let configuration = CommandConfiguration(abstract: "List uploads, newest first.")

        @Option(help: ArgumentHelp("Only open or complete ones.", valueName: "state")) var state: UploadState?
        @Option(help: ArgumentHelp("Only uploads to this version.", valueName: "model:version")) var version: String?
        @OptionGroup var pages: PageOptions
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            let call = ListUploads(page: pages.page, size: pages.limit, state: state, versionID: version)
            try session.output.list(await session.connect().send(call), empty: "No uploads.")
        }
    }

    struct Cancel: SessionCommand {
        static let configuration = CommandConfiguration(abstract: "Give up an upload and remove what has arrived.")

        @Argument(help: "Id.") var upload: String
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            let gone = try await session.connect().send(CancelUpload(uploadID: upload))
            try session.output.gone(gone, "gave up upload \(gone.deletedID)")
        }
    }
}

extension UploadState: ExpressibleByArgument {}
