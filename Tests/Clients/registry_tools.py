"""The tools of the earlier MCP server, in words of our own: the calls behind them and what they do with the answers (contract, 12.2).

Every answer is parsed as JSON, redirects are not followed. Left out: the tools of benchmarks, of release configs and the discovery of
an API, whose routes come with later parts of the contract.
"""

from typing import Any

import httpx


class ToolError(Exception):
    """The text of a tool result that is an error."""


class Tools:
    MAX_RESULTS = 100
    MAX_LOG_LINES = 5_000

    def __init__(self, registry_url: str, api_key: str) -> None:
        self.root = registry_url.rstrip("/")
        self.client = httpx.Client(headers={"X-API-Key": api_key}, timeout=30, follow_redirects=False)

    def _call(self, method: str, path: str, base: str | None = None, **options: Any) -> Any:
        answer = self.client.request(method, (base or f"{self.root}/v1") + path, **options)
        if answer.status_code >= 400:
            raise ToolError(f"API error ({answer.status_code}): {answer.json().get('detail')}")
        return answer.json()

    def _get(self, route: str, **params: Any) -> Any:
        return self._call("GET", route, params={name: value for name, value in params.items() if value is not None})

    @staticmethod
    def _items(answer: Any) -> list[dict]:
        rows = answer["items"] if isinstance(answer, dict) else answer
        assert all(isinstance(row, dict) for row in rows), "its output schema is a list of objects"
        return rows

    def list_models(self, search: str | None = None, server_type: str | None = None, source: str | None = None, limit: int = 50) -> list[dict]:
        return self._items(self._get("/models", limit=min(limit, self.MAX_RESULTS), search=search, server_type=server_type, source=source))

    def get_model(self, model_id: str) -> dict:
        return self._get(f"/models/{model_id}")

    def create_model(
        self, name: str, storage_path: str, server_type: str | None = None, description: str | None = None, tags: list | None = None,
        requires_gpu: bool = True,
    ) -> dict:
        body = {"name": name, "storage_path": storage_path, "requires_gpu": requires_gpu}
        body |= {key: value for key, value in {"server_type": server_type, "description": description, "tags": tags}.items() if value}
        return self._call("POST", "/models", json=body)

    def update_model(self, model_id: str, description: str | None = None, tags: list | None = None, metadata: dict | None = None) -> dict:
        body = {"description": description, "tags": tags, "metadata": metadata}
        return self._call("PUT", f"/models/{model_id}", json={name: value for name, value in body.items() if value is not None})

    def delete_model(self, model_id: str) -> dict:
        return self._call("DELETE", f"/models/{model_id}")

    def list_versions(self, model_name: str | None = None, is_release: bool | None = None, limit: int = 50) -> list[dict]:
        return self._items(self._get("/versions", size=min(limit, self.MAX_RESULTS), model_name=model_name, is_release=is_release))

    def get_version(self, version_id: str) -> dict:
        return self._get(f"/versions/{version_id}")

    def get_latest_version(self, model_name: str) -> dict:
        return self._get("/versions/latest", model_name=model_name)

    def create_version(
        self, model_id: str, version: str, tag: str, digest: str, ceph_path: str | None = None, quantization: str | None = None,
        is_release: bool = False, auto_build: bool = False,
    ) -> dict:
        body = {"model_id": model_id, "version": version, "tag": tag, "digest": digest, "is_release": is_release, "auto_build": auto_build}
        body |= {key: value for key, value in {"ceph_path": ceph_path, "quantization": quantization}.items() if value}
        return self._call("POST", "/versions", json=body)

    def promote_version(self, version_id: str, is_release: bool = True) -> dict:
        return self._call("PUT", f"/versions/{version_id}", json={"is_release": is_release})

    def list_deployments(
        self, status: str | None = None, environment: str | None = None, model_name: str | None = None, limit: int = 50
    ) -> list[dict]:
        rows = self._items(self._get("/deployments", size=min(limit, self.MAX_RESULTS), status=status, environment=environment))
        # image_name must not be null.
        return [row for row in rows if model_name is None or row["image_name"].lower() == model_name.lower()]

    def get_deployment(self, deployment_id: str) -> dict:
        return self._get(f"/deployments/{deployment_id}")

    def get_deployment_status(self, deployment_id: str) -> dict:
        return self._get(f"/deployments/{deployment_id}/status")

    def get_deployment_logs(self, deployment_id: str, lines: int = 100) -> str:
        return self._get(f"/deployments/{deployment_id}/logs", tail=min(lines, self.MAX_LOG_LINES))["logs"]

    def get_deployment_health(self, deployment_id: str) -> dict:
        return self._get(f"/deployments/{deployment_id}/health")

    def execute_deployment(
        self, version_id: str, environment: str = "staging", gpu_enabled: bool | None = None, deployment_type: str = "local"
    ) -> dict:
        body: dict[str, Any] = {"release_id": version_id, "environment": environment, "deployment_type": deployment_type}
        if gpu_enabled is not None:
            body["gpu_enabled"] = gpu_enabled
        return self._call("POST", "/deployments/execute", json=body)

    def stop_deployment(self, deployment_id: str) -> dict:
        return self._call("POST", f"/deployments/{deployment_id}/stop")

    def start_deployment(self, deployment_id: str) -> dict:
        return self._call("POST", f"/deployments/{deployment_id}/start")

    def restart_deployment(self, deployment_id: str) -> dict:
        return self._call("POST", f"/deployments/{deployment_id}/restart")

    def list_docker_builds(self, version_id: str | None = None, status: str | None = None, limit: int = 20) -> list[dict]:
        rows = self._items(self._get("/docker/builds", size=min(limit, self.MAX_RESULTS), release_id=version_id))
        return [row for row in rows if status is None or row["status"] == status]

    def get_docker_build(self, build_id: str) -> dict:
        return self._get(f"/docker/builds/{build_id}")

    def get_docker_build_logs(self, build_id: str) -> str:
        return self._get(f"/docker/builds/{build_id}/logs")["logs"]

    def trigger_docker_build(self, version_id: str, build_type: str = "organic", image_tag: str | None = None) -> dict:
        body = {"release_id": version_id, "build_type": build_type} | ({"image_tag": image_tag} if image_tag else {})
        return self._call("POST", "/docker/builds", json=body)

    def get_docker_disk_usage(self) -> dict:
        return self._get("/docker/disk-usage")

    def list_artifacts(
        self, version_id: str | None = None, model_id: str | None = None, artifact_type: str | None = None, limit: int = 50
    ) -> list[dict]:
        rows = self._items(self._get("/artifacts", limit=min(limit, self.MAX_RESULTS), release_id=version_id, model_id=model_id))
        return [row for row in rows if artifact_type is None or row["artifact_type"] == artifact_type]

    def get_artifact(self, artifact_id: str) -> dict:
        return self._get(f"/artifacts/{artifact_id}")

    def health_check(self) -> dict:
        return self._call("GET", "/health", base=self.root)

    def get_audit_logs(self, action: str | None = None, resource_type: str | None = None, limit: int = 50) -> list[dict]:
        return self._items(self._get("/audit-logs", action=action, resource_type=resource_type, limit=min(limit, self.MAX_RESULTS)))

    def get_storage_usage(self) -> dict:
        return self._get("/system/storage")

    def browse_model_storage(self, relative_path: str = "") -> list[dict]:
        return self._items(self._get("/system/files", path=relative_path.lstrip("/")))

    def search(self, query: str, types: list[str] | None = None, limit: int = 20) -> dict[str, list[dict]]:
        """Put together from lists: models by the server's search, versions of the first five, deployments by their texts."""
        wanted = types or ["models", "versions", "deployments"]
        found: dict[str, list[dict]] = {}
        if "models" in wanted:
            found["models"] = self.list_models(search=query, limit=limit)
        if "versions" in wanted:
            models = self.list_models(search=query, limit=5)
            found["versions"] = [row for model in models[:5] for row in self._items(self._get("/versions", model_name=model["name"], size=5))][:limit]
        if "deployments" in wanted:
            rows = self._items(self._get("/deployments", size=min(limit * 5, 100)))
            text = query.lower()
            found["deployments"] = [row for row in rows if text in row["image_name"].lower() or text in row["environment"].lower()][:limit]
        return found
