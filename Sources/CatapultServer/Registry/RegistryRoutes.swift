import CatapultAPI

/// Binds the calls on models and versions.
enum RegistryRoutes {
    static func register(
        _ routes: CallRoutes, models: ModelService, versions: VersionService, upload: FileUpload,
        deploymentsOfVersion: @escaping @Sendable (ListVersionDeployments, CallContext) async throws -> [Deployment]
    ) {
        routes.handle(ListModels.self) { try await models.list($0, $1) }
        routes.handle(ListModelOptions.self) { try await models.options($0, $1) }
        routes.handle(CreateModel.self) { try await models.create($0, $1) }
        routes.handle(GetModel.self) { try await models.get($0, $1) }
        routes.handle(UpdateModel.self) { try await models.update($0, $1) }
        routes.handle(DeleteModel.self) { try await models.delete($0, $1) }
        routes.handle(ListModelVersions.self) { try await models.versions($0, $1) }

        routes.handle(CreateVersion.self) { try await versions.create($0, $1) }
        routes.handle(ListVersions.self) { try await versions.list($0, $1) }
        routes.handle(ListVersionOptions.self) { try await versions.options($0, $1) }
        routes.handle(GetLatestVersion.self) { try await versions.latest($0, $1) }
        routes.handle(GetVersion.self) { try await versions.get($0, $1) }
        routes.handle(UpdateVersion.self) { try await versions.update($0, $1) }
        routes.handle(DeleteVersion.self) { try await versions.delete($0, $1) }
        routes.handle(ListVersionFiles.self) { try await versions.files($0, $1) }
        routes.handle(ListVersionDeployments.self) { try await deploymentsOfVersion($0, $1) }
        routes.receive(UploadVersionFile.self) { try await upload.store($0, $1, $2) }
    }
}
