import CatapultAPI

/// Binds the calls on artifacts, their sources and uploads.
enum ArtifactRoutes {
    static func register(
        _ routes: CallRoutes, artifacts: ArtifactService, receiver: ArtifactReceiver, uploads: UploadService, sources: ArtifactSources,
        care: ArtifactCare
    ) {
        routes.handle(CreateArtifact.self) { try await artifacts.create($0, $1) }
        routes.handle(ListArtifacts.self) { try await artifacts.list($0, $1) }
        routes.handle(GetArtifact.self) { try await artifacts.get($0, $1) }
        routes.handle(UpdateArtifact.self) { try await artifacts.update($0, $1) }
        routes.handle(DeleteArtifact.self) { try await artifacts.delete($0, $1) }
        routes.handle(RegisterArtifact.self) { try await artifacts.register($0, $1) }
        routes.receiveForm(UploadArtifact.self) { try await receiver.receive($0, $1, $2) }
        routes.download(DownloadArtifact.self) { try await artifacts.download($0, $1) }

        routes.handle(ListArtifactSources.self) { _, _ in try await sources.list() }
        routes.handle(BrowseArtifactSource.self) { call, _ in try await sources.browse(call) }
        routes.handle(ListSourceFiles.self) { call, _ in try await sources.files(call) }
        routes.download(DownloadSourceFile.self) { call, _ in try await sources.download(call) }

        routes.handle(CreateUpload.self) { try await uploads.create($0, $1) }
        routes.handle(ListUploads.self) { try await uploads.list($0, $1) }
        routes.handle(GetUpload.self) { try await uploads.get($0, $1) }
        routes.receive(WriteUpload.self) { try await uploads.write($0, $1, $2) }
        routes.handle(CompleteUpload.self) { try await uploads.complete($0, $1) }
        routes.handle(CancelUpload.self) { try await uploads.cancel($0, $1) }

        routes.handle(VerifyArtifacts.self) { try await care.verify($0, $1) }
        routes.handle(CollectGarbage.self) { try await care.collectGarbage($0, $1) }
    }
}
