import ArgumentParser
import Catapult
import CatapultAPI

/// `mcp system`.
struct SystemCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "system", abstract: "Look at the server.",
        subcommands: [Info.self, Health.self, StorageCommand.self, Files.self, GPUs.self, Disk.self]
    )

    struct Info: SessionCommand {
        static let configuration = CommandConfiguration(abstract: "Show name and version of the server.")

        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            let client = try await session.connect()
            let info = try await client.send(GetServerInfo())
            if session.output.format == .json { return try session.output.json(info) }
            session.output.facts(
                [
                    Fact("server", "\(info.appName) \(info.version)"), Fact("installation", info.environment), Fact("api", info.apiVersion),
                    Fact("address", client.url.root), Fact("this tool", CatapultVersion.current),
                ].compactMap { $0 }
            )
        }
    }

    struct Health: SessionCommand {
        static let configuration = CommandConfiguration(abstract: "Say whether the server works; exit code 6 where it does not.")

        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            let health = try await session.connect().send(GetHealth())
            if session.output.format == .json { return try session.output.json(health) }
            let parts = health.components.sorted { $0.key < $1.key }.map { Fact.state($0.key, $0.value) }
            session.output.facts(([.state("server", health.status)] + parts).compactMap { $0 })
        }
    }

    struct StorageCommand: SessionCommand {
        static let configuration = CommandConfiguration(commandName: "storage", abstract: "Show the file system of the storage root.")

        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            let storage = try await session.connect().send(GetStorage())
            if session.output.format == .json { return try session.output.json(storage) }
            let share = storage.total > 0 ? Int(Double(storage.used) / Double(storage.total) * 100) : 0
            session.output.facts(
                [
                    Fact("root", storage.root), Fact("size", ByteCount.text(storage.total)),
                    Fact("used", "\(ByteCount.text(storage.used)) (\(share)%)"),
                    Fact("free", ByteCount.text(storage.free)), Fact("models", "\(storage.modelsCount)"),
                    Fact("versions", "\(storage.versionsCount)"),
                ].compactMap { $0 }
            )
            guard !storage.largestModels.isEmpty else { return }
            session.output.line("")
            session.output.table(
                Table(
                    columns: [
                        .init(title: "LARGEST MODELS"), .init(title: "VERSIONS", isNumber: true), .init(title: "SIZE", isNumber: true),
                    ],
                    rows: storage.largestModels.map { [.init($0.name), .number($0.versions), .init(ByteCount.text($0.size))] }))
        }
    }

    struct Files: SessionCommand {
        static let configuration = CommandConfiguration(
            abstract: "List a folder of the server's storage root.",
            discussion: "Links are shown as links. Paths begin at the storage root, and nothing leads out of it.")

        @Argument(help: "The folder. (default: the storage root)") var path: String?
        @Option(help: ArgumentHelp("Entries to show, 1 to 10000.", valueName: "n")) var limit = 1_000
        @Option(help: ArgumentHelp("Entries to skip.", valueName: "n")) var offset = 0
        @OptionGroup var global: GlobalOptions

        func validate() throws {
            guard (1...10_000).contains(limit) else { throw ValidationError("--limit is \(limit); 1 to 10000 are allowed") }
            guard offset >= 0 else { throw ValidationError("--offset is \(offset); it counts from 0") }
        }

        func run(in session: Session) async throws {
            let call = ListStorageFiles(path: path, offset: offset, limit: limit)
            let files = try await session.connect().send(call)
            try session.output.list(files, empty: "Nothing is there.")
            if files.count == limit { session.output.note("there may be more; next: --offset \(offset + limit)", .dim) }
        }
    }

    struct GPUs: SessionCommand {
        static let configuration = CommandConfiguration(commandName: "gpu", abstract: "Show the GPUs of the host.")

        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            let inventory = try await session.connect().send(GetGPUs())
            if session.output.format == .json { return try session.output.json(inventory) }
            try session.output.list(inventory.gpus, empty: "No GPUs: \(inventory.reason ?? "none were found").")
        }
    }

    struct Disk: SessionCommand {
        static let configuration = CommandConfiguration(abstract: "Show what the container engine keeps on disk.")

        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            let usage = try await session.connect().send(GetDiskUsage())
            if session.output.format == .json { return try session.output.json(usage) }
            let items = [
                ("images", usage.images), ("build cache", usage.buildCache), ("containers", usage.containers), ("volumes", usage.volumes),
            ]
            session.output.table(
                Table(
                    columns: [.init(title: "KIND"), .init(title: "COUNT", isNumber: true), .init(title: "SIZE", isNumber: true)],
                    rows: items.map { [.init($0), .init($1.count.map(String.init)), .init($1.sizeHuman)] }
                        + [
                            ["total", .init(nil), .init(usage.totalDockerHuman)],
                            ["free on disk", .init(nil), .init(usage.diskAvailableHuman)],
                        ]
                )
            )
        }
    }
}
