import CatapultAPI

/// Binds the calls on models and versions.
enum RegistryRoutes {
    static func register(
        _ routes: CallRoutes, models: ModelService, versions: VersionService, upload: FileUpload,
        deploymentsOfVersion: @escaping @Sendable (ListVersionDeployments, CallContext) async throws -> [Deployment]
    ) {
        routes.handle(ListModels.self) { try await models.list($0, $1) }
        routes.handle(ListModelOptions.self, withFields: { try await models.options($0, $1).answer })
        routes.handle(CreateModel.self) { try await models.create($0, $1) }
        routes.handle(GetModel.self) { try await models.get($0, $1) }
        routes.handle(UpdateModel.self) { try await models.update($0, $1) }
        routes.handle(DeleteModel.self) { try await models.delete($0, $1) }
        routes.handle(ListModelVersions.self) { try await models.versions($0, $1) }

        routes.handle(CreateVersion.self) { try await versions.create($0, $1) }
        routes.handle(ListVersions.self) { try await versions.list($0, $1) }
        routes.handle(ListVersionOptions.self, withFields: { try await versions.options($0, $1).answer })
        routes.handle(GetLatestVersion.self) { try await versions.latest($0, $1) }
        routes.handle(GetVersion.self) { try await versions.get($0, $1) }
        routes.handle(UpdateVersion.self) { try await versions.update($0, $1) }
        routes.handle(DeleteVersion.self) { try await versions.delete($0, $1) }
        routes.handle(ListVersionFiles.self) { try await versions.files($0, $1) }
        routes.handle(ListVersionDeployments.self) { try await deploymentsOfVersion($0, $1) }
        routes.handle(ListModelReferences.self) { try await models.references($0, $1) }
        routes.handle(ListVersionReferences.self) { try await versions.references($0, $1) }
        routes.download(DownloadVersionFile.self) { try await upload.download($0, $1) }
        routes.stream(GetVersionManifest.self) { try await upload.manifest($0, $1) }
        routes.receive(UploadVersionFile.self) { try await upload.store($0, $1, $2) }
    }

    /// Binds the calls on aliases, the life of versions, dependencies and lineage.
    static func register(_ routes: CallRoutes, life: VersionLifeService, lineage: LineageService) {
        routes.handle(ListVersionAliases.self) { try await life.aliases($0, $1) }
        routes.handle(GetVersionAlias.self) { try await life.alias($0, $1) }
        routes.handle(SetVersionAlias.self) { try await life.setAlias($0, $1) }
        routes.handle(DeleteVersionAlias.self) { try await life.deleteAlias($0, $1) }
        routes.handle(ListAliasHistory.self) { try await life.history($0, $1) }
        routes.handle(PromoteVersion.self) { try await life.promote($0, $1) }
        routes.handle(DemoteVersion.self) { try await life.demote($0, $1) }
        routes.handle(DeprecateVersion.self) { try await life.deprecate($0, $1) }
        routes.handle(ArchiveVersion.self) { try await life.archive($0, $1) }
        routes.handle(RestoreVersion.self) { try await life.restore($0, $1) }

        routes.handle(ListDependencies.self) { try await lineage.dependencies($0, $1) }
        routes.handle(AddDependency.self) { try await lineage.add($0, $1) }
        routes.handle(DeleteDependency.self) { try await lineage.delete($0, $1) }
        routes.handle(GetLineage.self) { try await lineage.lineage($0, $1) }
        routes.handle(CompareVersions.self) { try await lineage.compare($0, $1) }
    }
}
