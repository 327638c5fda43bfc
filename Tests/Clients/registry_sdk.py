"""The Python SDK of the earlier implementation, in words of our own: what it sends and what it requires (contract, section 4.1).

It is strict where that one was: every answer is parsed as JSON, deletes included; what the models below require must be there and not
null; a version is registered by the name of its model, which is looked for among the matches of a search.
"""

from datetime import datetime
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, ConfigDict, model_validator


class Wire(BaseModel):
    """Members that it does not know are left unheeded. Ids must be texts."""

    model_config = ConfigDict(extra="ignore", protected_namespaces=())


class Model(Wire):
    id: str
    name: str
    storage_path: str
    created_at: datetime
    updated_at: datetime
    repository: str | None = None
    company: str | None = None
    base_model: str | None = None
    parameter_count: str | None = None
    description: str | None = None
    tags: list[str] = []
    metadata: dict[str, Any] = {}


class Version(Wire):
    id: str
    image_id: str
    model_id: str
    version: str
    tag: str
    digest: str
    created_at: datetime
    platform: str = "linux/amd64"
    architecture: str = "amd64"
    os: str = "linux"
    status: str = "active"
    quantization: str | None = None
    size_bytes: int | None = None
    release_notes: str | None = None
    metadata: dict[str, Any] = {}
    ceph_path: str | None = None
    is_release: bool = False

    @model_validator(mode="before")
    @classmethod
    def _either(cls, values: Any) -> Any:
        if isinstance(values, dict):
            one = values.get("model_id") or values.get("image_id")
            values = values | {"model_id": values.get("model_id") or one, "image_id": values.get("image_id") or one}
        return values


class Deployment(Wire):
    id: str
    release_id: str
    environment: str
    deployed_at: datetime
    status: str = "success"
    metadata: dict[str, Any] = {}


class Artifact(Wire):
    id: str
    name: str
    artifact_type: str
    file_path: str
    size_bytes: int
    checksum: str
    created_at: datetime
    metadata: dict[str, Any] = {}


class DockerBuild(Wire):
    id: str
    release_id: str
    image_tag: str
    build_type: str
    status: str
    created_at: datetime


class ApiKey(Wire):
    id: str
    name: str
    is_active: bool
    created_at: datetime
    key: str | None = None


class AuditLog(Wire):
    id: str
    action: str
    resource_type: str
    details: dict[str, Any]
    created_at: datetime


class RegistryError(Exception):
    """What every status from 400 on becomes."""


Thing = TypeVar("Thing", bound=Wire)


class Registry:
    def __init__(self, base: str, api_key: str) -> None:
        self.client = httpx.Client(base_url=base, headers={"X-API-Key": api_key}, timeout=30.0)

    def _call(self, method: str, path: str, **options: Any) -> Any:
        answer = self.client.request(method, f"/v1{path}", **options)
        if answer.status_code >= 400:
            raise RegistryError(f"API error ({answer.status_code}): {answer.json()['detail']}")
        return answer.json()

    def _list(self, kind: type[Thing], path: str, **params: Any) -> list[Thing]:
        answer = self._call("GET", path, params={name: value for name, value in params.items() if value is not None})
        rows = answer["items"] if isinstance(answer, dict) else answer
        return [kind(**row) for row in rows]

    # Models

    def create_model(
        self, name: str, storage_path: str, description: str | None = None, repository: str | None = None, company: str | None = None,
        base_model: str | None = None, parameter_count: str | None = None, tags: list[str] | None = None, metadata: dict | None = None,
    ) -> Model:
        body = {
            "name": name, "storage_path": storage_path, "description": description, "repository": repository, "company": company,
            "base_model": base_model, "parameter_count": parameter_count, "tags": tags or [], "metadata": metadata or {},
        }
        return Model(**self._call("POST", "/models", json=body))

    def list_models(self, limit: int = 100, offset: int = 0, search: str | None = None) -> list[Model]:
        return self._list(Model, "/models", limit=limit, offset=offset, search=search)

    def get_model(self, model_id: str) -> Model:
        return Model(**self._call("GET", f"/models/{model_id}"))

    def delete_model(self, model_id: str) -> dict:
        return self._call("DELETE", f"/models/{model_id}")

    # Versions

    def create_version(
        self, model_name: str, version: str, tag: str, digest: str, size_bytes: int | None = None, platform: str = "linux/amd64",
        metadata: dict | None = None, ceph_path: str | None = None, auto_build: bool = False, is_release: bool = False,
        quantization: str | None = None, release_notes: str | None = None, build_config: dict | None = None,
    ) -> Version:
        model = next((one for one in self.list_models(limit=100, offset=0, search=model_name) if one.name == model_name), None)
        if model is None:
            raise RegistryError(f"Model not found: {model_name}")
        body = {
            "model_id": model.id, "version": version, "tag": tag, "digest": digest, "size_bytes": size_bytes, "platform": platform,
            "metadata": metadata or {}, "ceph_path": ceph_path, "auto_build": auto_build, "is_release": is_release,
            "quantization": quantization, "release_notes": release_notes, "build_config": build_config,
        }
        return Version(**self._call("POST", "/versions", json=body))

    create_release = create_version

    def list_versions(
        self, model_name: str | None = None, version: str | None = None, is_release: bool | None = None, status: str | None = None,
        limit: int = 100, offset: int = 0,
    ) -> list[Version]:
        return self._list(
            Version, "/versions", page=offset // limit + 1, size=limit, model_name=model_name, version=version, is_release=is_release,
            status=status,
        )

    list_releases = list_versions

    def get_version(self, version_id: str) -> Version:
        return Version(**self._call("GET", f"/versions/{version_id}"))

    def get_latest_version(self, model_name: str, environment: str | None = None) -> Version:
        params = {"model_name": model_name} | ({"environment": environment} if environment else {})
        return Version(**self._call("GET", "/versions/latest", params=params))

    def get_latest_release(self, image_name: str) -> Version:
        return Version(**self._call("GET", "/versions/latest", params={"image_name": image_name}))

    def promote_version(self, version_id: str, is_release: bool = True) -> Version:
        return Version(**self._call("PUT", f"/versions/{version_id}", json={"is_release": is_release}))

    def delete_version(self, version_id: str) -> dict:
        return self._call("DELETE", f"/versions/{version_id}")

    # Deployments

    def deploy(self, release_id: str, environment: str, metadata: dict | None = None, status: str = "success") -> Deployment:
        body = {"release_id": release_id, "environment": environment, "metadata": metadata or {}, "status": status}
        return Deployment(**self._call("POST", "/deployments", json=body))

    def list_deployments(
        self, environment: str | None = None, release_id: str | None = None, limit: int = 100, offset: int = 0
    ) -> list[Deployment]:
        return self._list(Deployment, "/deployments", limit=limit, offset=offset, environment=environment, release_id=release_id)

    def get_deployment(self, deployment_id: str) -> Deployment:
        return Deployment(**self._call("GET", f"/deployments/{deployment_id}"))

    # Keys

    def create_api_key(self, name: str, expires_at: datetime | None = None) -> ApiKey:
        return ApiKey(**self._call("POST", "/api-keys", json={"name": name, "expires_at": expires_at.isoformat() if expires_at else None}))

    def list_api_keys(self) -> list[ApiKey]:
        answer = self._call("GET", "/api-keys")
        assert isinstance(answer, list), "a bare array"
        return [ApiKey(**row) for row in answer]

    def revoke_api_key(self, key_id: str) -> dict:
        return self._call("DELETE", f"/api-keys/{key_id}")

    # Artifacts

    def list_artifacts(
        self, release_id: str | None = None, model_id: str | None = None, limit: int = 100, offset: int = 0
    ) -> list[Artifact]:
        return self._list(Artifact, "/artifacts", limit=limit, offset=offset, release_id=release_id, model_id=model_id)

    def get_artifact(self, artifact_id: str) -> Artifact:
        return Artifact(**self._call("GET", f"/artifacts/{artifact_id}"))

    # Builds

    def create_build(
        self, release_id: str, image_tag: str, build_type: str, artifact_id: str | None = None, artifact_ids: list[str] | None = None,
        dockerfile_content: str | None = None,
    ) -> DockerBuild:
        body = {
            "release_id": release_id, "image_tag": image_tag, "build_type": build_type, "artifact_id": artifact_id,
            "artifact_ids": artifact_ids or [], "dockerfile_content": dockerfile_content,
        }
        return DockerBuild(**self._call("POST", "/docker/builds", json=body))

    def list_builds(self, release_id: str | None = None, limit: int = 100, offset: int = 0) -> list[DockerBuild]:
        return self._list(DockerBuild, "/docker/builds", limit=limit, offset=offset, release_id=release_id)

    def get_build(self, build_id: str) -> DockerBuild:
        return DockerBuild(**self._call("GET", f"/docker/builds/{build_id}"))

    def get_build_logs(self, build_id: str) -> str:
        return self._call("GET", f"/docker/builds/{build_id}/logs")["logs"]

    def stream_build_logs(self, build_id: str) -> list[str]:
        """All lines, until the server ends the answer."""
        with self.client.stream("GET", f"/v1/docker/builds/{build_id}/logs/stream") as answer:
            return list(answer.iter_lines())

    # The rest

    def list_audit_logs(
        self, limit: int = 100, offset: int = 0, resource_type: str | None = None, action: str | None = None
    ) -> list[AuditLog]:
        params = {"limit": limit, "offset": offset, "resource_type": resource_type, "action": action}
        answer = self._call("GET", "/audit-logs", params={name: value for name, value in params.items() if value is not None})
        assert isinstance(answer, list), "a bare array"
        return [AuditLog(**row) for row in answer]

    def get_storage_usage(self) -> dict:
        return self._call("GET", "/system/storage")

    def list_files(self, path: str = "/") -> list[dict]:
        answer = self._call("GET", "/system/files", params={"path": path})
        assert isinstance(answer, list), "a bare array"
        return answer
