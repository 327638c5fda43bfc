import ArgumentParser
import Catapult
import CatapultAPI

/// `mcp version mlflow`: what MLflow says of the run or model that a version comes from.
struct VersionMLflow: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "mlflow", abstract: "Show what MLflow says of the run or model that a version comes from.",
        discussion: """
            The page is an address as the browser shows it: of a run (https://host/#/experiments/1/runs/abc), an experiment, a registered model \
            or one of its versions.
            """)

    @Argument(help: "MODEL:VERSION, or MODEL for its newest version.") var version: VersionReference
    @Flag(help: "Ask MLflow anew first.") var sync = false

    @Option(help: ArgumentHelp("Note the page of MLflow that the version comes from, and ask about it.", valueName: "address"))
    var page: String?

    @OptionGroup var global: GlobalOptions

    func run(in session: Session) async throws {
        let client = try await session.connect()
        let version = try await client.resolve(version)
        if let page { _ = try await client.send(UpdateVersion(versionID: version.id, mlflowURL: page)) }
        let metadata =
            sync || page != nil
            ? try await client.send(SyncMLflowMetadata(versionID: version.id))
            : try await client.send(GetMLflowMetadata(versionID: version.id))
        if session.output.format == .json { return try session.output.json(metadata) }
        session.output.facts(Self.facts(metadata))
    }

    static func facts(_ metadata: MLflowMetadata) -> [Fact] {
        let common = [
            Fact("kind", metadata.resourceType.rawValue), Fact("url", metadata.url), Fact("fetched", metadata.fetchedAt.description),
            Fact("run", metadata.runName), Fact("run id", metadata.runID), Fact("status", metadata.status),
            Fact("experiment", metadata.experimentName), Fact("experiment id", metadata.experimentID),
            Fact("stage", metadata.lifecycleStage),
            Fact("model", metadata.modelName), Fact("description", metadata.description), Fact("asked for", metadata.requestedVersion),
            Fact("artifacts", metadata.artifactURI ?? metadata.artifactLocation),
        ]
        let params = (metadata.params ?? [:]).sorted { $0.key < $1.key }.map { Fact("param \($0.key)", $0.value) }
        let metrics = (metadata.metrics ?? [:]).sorted { $0.key < $1.key }.map { Fact("metric \($0.key)", "\($0.value)") }
        let versions = (metadata.latestVersions ?? []).map { entry in
            Fact("version \(entry.version)", [entry.currentStage, entry.status].compactMap { $0 }.joined(separator: ", "))
        }
        let tags = metadata.tags.sorted { $0.key < $1.key }.map { Fact("tag \($0.key)", $0.value) }
        return (common + params + metrics + versions + tags).compactMap { $0 }
    }
}
