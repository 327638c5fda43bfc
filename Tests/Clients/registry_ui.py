"""The calls of the earlier React UI, and the fields that its components read, with their types (contract, section 4.2).

A shape is written as a dictionary of field to type: str, int, float (whole numbers included), bool, list, dict, time (RFC 3339 with
Z), and each of them with `| None`. A list of one shape is a list of such things; PAGE is the envelope around them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


class time(str):
    """A time of the wire."""


@dataclass
class PAGE:
    """Things in the envelope; lists read items, total and pages."""

    of: dict


MODEL = {
    "id": str, "name": str, "storage_path": str, "repository": str | None, "company": str | None, "base_model": str | None,
    "parameter_count": str | None, "description": str | None, "tags": list, "metadata": dict, "requires_gpu": bool,
    "server_type": str | None, "source": str, "created_at": time, "updated_at": time,
}
VERSION = {
    "id": str, "version": str, "tag": str, "digest": str, "quantization": str | None, "size_bytes": int | None, "platform": str,
    "architecture": str, "os": str, "release_notes": str | None, "metadata": dict, "ceph_path": str | None, "mlflow_url": str | None,
    "is_release": bool, "image_id": str, "status": str, "created_at": time,
}
VERSION_WITH_MODEL = VERSION | {"image_name": str, "model_name": str, "image_repository": str, "model_repository": str}
DEPLOYMENT = {
    "id": str, "image_name": str, "release_version": str, "release_id": str, "status": str, "health_status": str, "environment": str,
    "host_port": int | None, "deployment_type": str, "gpu_enabled": bool, "deployed_at": time, "started_at": time | None,
    "container_id": str | None, "image_tag": str | None, "endpoint_url": str | None, "metadata": dict, "cluster": str | None,
    "k8s_namespace": str | None, "replicas": int | None, "deployed_by": str | None, "terminated_at": time | None,
}
BUILD = {
    "id": str, "release_id": str, "artifact_id": str | None, "artifact_ids": list, "image_tag": str, "build_type": str,
    "dockerfile_content": str | None, "build_args": dict | None, "status": str, "created_at": time, "completed_at": time | None,
    "error_message": str | None, "log_path": str | None, "server_type": str | None, "superseded_at": time | None,
    "cleaned_at": time | None, "cleanup_scheduled_at": time | None, "days_until_cleanup": int | None, "is_current": bool, "is_cleaned": bool,
}
ARTIFACT = {
    "id": str, "name": str, "artifact_type": str, "file_path": str, "size_bytes": int, "checksum": str, "checksum_type": str,
    "platform": str | None, "python_version": str | None, "metadata": dict, "release_id": str | None, "model_id": str | None,
    "created_at": time, "uploaded_by": str | None,
}
AMOUNT = {"count": int | None, "size_bytes": int, "size_human": str}
API_KEY = {
    "id": str, "name": str, "role": str, "is_active": bool, "created_at": time, "last_used_at": time | None, "expires_at": time | None,
}

# Route, and what its component reads. {model} and the like are ids of things that exist.
READS: list[tuple[str, Any]] = [
    ("/models?page=1&size=20", PAGE(MODEL | {"version_count": int})),
    ("/models?page=1&size=20&search=a&include_orphaned=true&source=manual", PAGE(MODEL | {"version_count": int})),
    ("/models/options", [{"id": str, "name": str}]),
    ("/models/{model}", MODEL),
    ("/models/{model}/versions?page=1&size=10", PAGE(VERSION)),
    ("/versions?page=1&size=20", PAGE(VERSION_WITH_MODEL)),
    ("/versions?version=1.0", PAGE(VERSION_WITH_MODEL)),
    ("/versions?is_release=false&status=active", PAGE(VERSION_WITH_MODEL)),
    ("/versions/options", [{"id": str, "version": str, "tag": str, "image_name": str, "model_name": str}]),
    ("/releases?page=1&size=20", PAGE(VERSION_WITH_MODEL)),
    ("/versions/{version}", VERSION_WITH_MODEL),
    ("/versions/{version}/deployments?limit=100", [DEPLOYMENT]),
    ("/deployments?page=1&size=20", PAGE(DEPLOYMENT)),
    ("/deployments?release_id={version}", PAGE(DEPLOYMENT)),
    ("/deployments/{deployment}", DEPLOYMENT),
    ("/deployments/{deployment}/status", {"running": bool, "healthy": bool, "exit_code": int | None, "started_at": time | None, "error": str | None}),
    ("/deployments/{deployment}/logs?tail=200", {"deployment_id": str, "logs": str, "truncated": bool}),
    ("/docker/builds?page=1&size=20", PAGE(BUILD)),
    ("/docker/builds?release_id={version}", PAGE(BUILD)),
    ("/docker/builds/{build}", BUILD),
    ("/docker/builds/{build}/logs", {"logs": str}),
    (
        "/docker/disk-usage",
        {
            "images": AMOUNT, "build_cache": AMOUNT, "containers": AMOUNT, "volumes": AMOUNT, "total_docker_bytes": int,
            "total_docker_human": str, "disk_available_bytes": int, "disk_available_human": str, "disk_total_bytes": int,
            "disk_total_human": str,
        },
    ),
    ("/docker/templates/organic?release_id={version}", {"content": str, "template_type": str}),
    ("/artifacts?page=1&size=20", PAGE(ARTIFACT | {"release_version": str | None, "image_name": str | None})),
    ("/artifacts?release_id={version}", PAGE(ARTIFACT)),
    (
        "/artifacts/sources/vllm_wheels/files",
        {"source_id": str, "source_name": str, "files": [{"name": str, "path": str, "size_bytes": int}], "total": int, "readonly": bool},
    ),
    ("/system/storage", {"total": int, "used": int, "free": int}),
    ("/system/gpu", {"available": bool, "count": int}),
    ("/system/files?path=/", [{"name": str, "is_directory": bool, "size_bytes": int | None, "modified_at": str}]),
    ("/api-keys", [API_KEY]),
]


def problems(shape: Any, value: Any, place: str = "") -> Iterator[str]:
    """Where a value is not of a shape."""
    if isinstance(shape, PAGE):
        yield from problems({"items": [shape.of], "total": int, "page": int, "size": int, "pages": int}, value, place)
    elif isinstance(shape, list):
        if not isinstance(value, list):
            yield f"{place or 'the answer'} is no list"
            return
        for index, element in enumerate(value):
            yield from problems(shape[0], element, f"{place}[{index}]")
    elif isinstance(shape, dict):
        if not isinstance(value, dict):
            yield f"{place or 'the answer'} is no object"
            return
        for name, kind in shape.items():
            if name in value:
                yield from problems(kind, value[name], f"{place}.{name}")
            else:
                yield f"{place}.{name} is missing"
    elif not _is(value, shape):
        yield f"{place} is {value!r:.60}, not {shape}"


def _is(value: Any, kind: Any) -> bool:
    kinds = getattr(kind, "__args__", (kind,))
    for one in kinds:
        if one is time:
            fits = isinstance(value, str) and TIME.fullmatch(value) is not None
        elif one in (int, float):
            fits = isinstance(value, (int, one)) and not isinstance(value, bool)
        else:
            fits = isinstance(value, one)
        if fits:
            return True
    return False


class Browser:
    """What the UI sends: JSON as its content type always, a key only where it has one."""

    def __init__(self, base: str, key: str | None) -> None:
        headers = {"Content-Type": "application/json"} | ({"X-API-Key": key} if key else {})
        self.client = httpx.Client(base_url=f"{base}/v1", headers=headers, timeout=30, follow_redirects=False)

    def read(self, path: str) -> Any:
        answer = self.client.get(path)
        assert answer.status_code == 200, f"GET {path}: {answer.status_code} {answer.text[:200]}"
        return answer.json()
