import CatapultAPI

/// Binds the calls on models and versions.
enum RegistryRoutes {
    static func register(
        _ routes: CallRoutes, models: ModelService, versions: VersionService, upload: FileUpload,
        deploymentsOfVersion: @escaping @Sendable (ListVersionDeployments) async throws -> [Deployment]
    ) {
        routes.handle(ListModels.self) { call, _ in try await models.list(call) }
        routes.handle(ListModelOptions.self) { _, _ in try await models.options() }
        routes.handle(CreateModel.self) { try await models.create($0, $1) }
        routes.handle(GetModel.self) { call, _ in try await models.get(call) }
        routes.handle(UpdateModel.self) { try await models.update($0, $1) }
        routes.handle(DeleteModel.self) { try await models.delete($0, $1) }
        routes.handle(ListModelVersions.self) { call, _ in try await models.versions(call) }

        routes.handle(CreateVersion.self) { try await versions.create($0, $1) }
        routes.handle(ListVersions.self) { call, _ in try await versions.list(call) }
        routes.handle(ListVersionOptions.self) { _, _ in try await versions.options() }
        routes.handle(GetLatestVersion.self) { call, _ in try await versions.latest(call) }
        routes.handle(GetVersion.self) { call, _ in try await versions.get(call) }
        routes.handle(UpdateVersion.self) { try await versions.update($0, $1) }
        routes.handle(DeleteVersion.self) { try await versions.delete($0, $1) }
        routes.handle(ListVersionFiles.self) { call, _ in try await versions.files(call) }
        routes.handle(ListVersionDeployments.self) { call, _ in try await deploymentsOfVersion(call) }
        routes.receive(UploadVersionFile.self) { try await upload.store($0, $1, $2) }
    }
}
