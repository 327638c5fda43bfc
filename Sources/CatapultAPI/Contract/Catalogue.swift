/// All calls of the contract. Routes, documents and the parity tests of every face walk this list.
public enum Catalogue {
    /// Every call, in the order of documents.
    public static let calls: [any APICall.Type] = [
        ListModels.self, ListModelOptions.self, CreateModel.self, GetModel.self, UpdateModel.self, DeleteModel.self, ListModelVersions.self,
        ListVersions.self, ListVersionOptions.self, GetLatestVersion.self, CreateVersion.self, GetVersion.self, UpdateVersion.self,
        DeleteVersion.self, ListVersionDeployments.self, ListVersionFiles.self, UploadVersionFile.self,
        ListEnvironments.self, CreateEnvironment.self, GetEnvironment.self, UpdateEnvironment.self, DeleteEnvironment.self,
        CreateBuild.self, ListBuilds.self, GetBuild.self, CancelBuild.self, GetBuildLogs.self, StreamBuildLogs.self, ListTemplates.self,
        GetTemplate.self, GetDiskUsage.self,
        ExecuteDeployment.self, CreateDeployment.self, ListDeployments.self, GetDeployment.self, GetDeploymentStatus.self,
        ScaleDeployment.self, StartDeployment.self, StopDeployment.self, RestartDeployment.self, DeleteDeployment.self,
        GetDeploymentLogs.self, StreamDeploymentLogs.self, GetDeploymentHealth.self,
        ListOperations.self, GetOperation.self, CancelOperation.self, GetOperationLogs.self,
        CreateAPIKey.self, ListAPIKeys.self, DeleteAPIKey.self, ListAuditLogs.self,
        GetGreeting.self, GetHealth.self, GetServerInfo.self, GetStorage.self, GetGPUs.self,
    ]
}
