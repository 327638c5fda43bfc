#!/usr/bin/env python3
"""Runs the earlier clients against a server, and prints a line of JSON for each case: client, case, ok and, where it failed, why.

    run.py --url URL --key KEY --storage FOLDER --model FILE --mark TEXT [--anonymous]

The key is an admin's. FOLDER is the server's storage root and FILE the tiny model, which is put there; images begin with the mark.
With --anonymous the server has an anonymous viewer, as which the reads of the UI are repeated.

Exit status: 0 all is well; 1 a case failed.
"""

import argparse
import hashlib
import inspect
import json
import shutil
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import httpx

from registry_sdk import Registry, RegistryError
from registry_tools import ToolError, Tools
from registry_ui import READS, Browser, problems
from registry_wire import CASES, Wire


def raises(kind: type[Exception], words: str, action: Callable[[], Any]) -> None:
    try:
        action()
    except kind as error:
        assert words in str(error), f"{error} does not say {words}"
        return
    raise AssertionError(f"nothing was raised that says {words}")


def until(what: str, look: Callable[[], Any], is_right: Callable[[Any], bool]) -> Any:
    end = time.monotonic() + 120
    while not is_right(seen := look()):
        assert time.monotonic() < end, f"{what}: still {seen}"
        time.sleep(0.2)
    return seen


class World:
    """The server, and what the clients made on it."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.base = f"{options.url}/api"
        self.mark = options.mark
        self.storage = Path(options.storage)
        self.sdk = Registry(self.base, options.key)
        self.tools = Tools(self.base, options.key)
        self.ids: dict[str, str] = {}

    def place(self, name: str) -> str:
        (self.storage / name).mkdir(parents=True, exist_ok=True)
        shutil.copy(self.options.model, self.storage / name)
        return name


# The SDK


def sdk_models(world: World) -> None:
    sdk = world.sdk
    for number in range(12):
        sdk.create_model(f"{world.mark}-{number}", f"m{number}", tags=["chat"], metadata={"n": number})
    named = sdk.create_model(f"{world.mark}/llama-3-8b", world.place("llama"), description="d", parameter_count="8B")
    world.ids["model"] = named.id
    assert len(sdk.list_models()) >= 13, "limit is honoured: more than the ten of a page"
    assert [one.name for one in sdk.list_models(limit=2, offset=1, search=f"{world.mark}-")] == [f"{world.mark}-10", f"{world.mark}-9"]
    assert sdk.get_model(named.id).description == "d"
    raises(RegistryError, "API error (404): Model not found: ", lambda: sdk.get_model("00000000-0000-0000-0000-000000000000"))
    raises(RegistryError, "API error (409): ", lambda: sdk.create_model(named.name, "x"))


def sdk_versions(world: World) -> None:
    sdk = world.sdk
    made = sdk.create_version(f"{world.mark}/llama-3-8b", "1.0", "latest", "sha256:" + "0" * 64, ceph_path=world.place("llama"))
    world.ids["version"] = made.id
    assert made.model_id == made.image_id == world.ids["model"] and made.status == "active"
    other = sdk.create_release(f"{world.mark}-1", "0.1", "t", "d", size_bytes=5, quantization="q4", release_notes="n")
    raises(RegistryError, "API error (409): ", lambda: sdk.create_version(f"{world.mark}-1", "0.1", "t", "d", quantization="q4"))
    raises(RegistryError, "Model not found", lambda: sdk.create_version(f"{world.mark}-", "1", "t", "d"))
    assert {made.id, other.id} <= {one.id for one in sdk.list_versions()}
    assert [one.id for one in sdk.list_versions(model_name=f"{world.mark}-1", version="0.1", status="active", limit=5)] == [other.id]
    assert sdk.list_releases(is_release=True) == []
    assert sdk.get_version(made.id).version == "1.0"
    assert sdk.promote_version(other.id).is_release
    assert [one.id for one in sdk.list_versions(is_release=True)] == [other.id]
    assert sdk.get_latest_version(f"{world.mark}/llama-3-8b").id == made.id
    assert sdk.get_latest_release(f"{world.mark}-1").id == other.id
    raises(RegistryError, "API error (404): ", lambda: sdk.get_latest_version(f"{world.mark}-2"))
    raises(RegistryError, "API error (404): ", lambda: sdk.get_latest_version(f"{world.mark}-1", environment="nowhere"))
    assert sdk.delete_version(other.id)["deleted_id"] == other.id


def sdk_deployments(world: World) -> None:
    sdk = world.sdk
    deployment = sdk.deploy(world.ids["version"], "production", metadata={"cluster": "a"})
    world.ids["record"] = deployment.id
    assert deployment.status == "success" and deployment.metadata["cluster"] == "a"
    assert sdk.deploy(world.ids["version"], "qa", status="running").status == "running"
    assert [one.id for one in sdk.list_deployments(environment="production")] == [deployment.id]
    assert len(sdk.list_deployments(release_id=world.ids["version"], limit=1, offset=1)) == 1
    assert sdk.get_deployment(deployment.id).environment == "production"


def sdk_keys(world: World) -> None:
    sdk = world.sdk
    zoned = sdk.create_api_key(f"{world.mark}-zoned", datetime.now(timezone.utc) + timedelta(days=1))
    bare = sdk.create_api_key(f"{world.mark}-bare", (datetime.now(timezone.utc) + timedelta(days=1)).replace(tzinfo=None))
    for key in (zoned, bare):
        assert key.key and 10 <= len(key.key) <= 200 and "." in key.key and all(c.isalnum() or c in "._-" for c in key.key)
        assert Registry(world.base, key.key).list_models(limit=1), "it opens"
    assert {zoned.id, bare.id} <= {one.id for one in sdk.list_api_keys()}
    for key in (zoned, bare):
        assert sdk.revoke_api_key(key.id)["success"] is True
    raises(RegistryError, "API error (401): ", lambda: Registry(world.base, zoned.key or "").list_models())


def sdk_builds(world: World) -> None:
    sdk, tag = world.sdk, f"{world.mark}-sdk:1.0"
    build = sdk.create_build(world.ids["version"], tag, "organic")
    assert build.status == "pending", "exactly that"
    assert sdk.stream_build_logs(build.id), "the stream ends with the build"
    assert sdk.get_build(build.id).status == "success", sdk.get_build_logs(build.id)
    assert sdk.get_build_logs(build.id)
    assert [one.id for one in sdk.list_builds(release_id=world.ids["version"])] == [build.id]
    world.ids["build"] = build.id


def sdk_artifacts(world: World) -> None:
    sdk, content = world.sdk, b"wheel" * 100
    # The SDK uploads nothing; the UI does.
    upload = httpx.post(
        f"{world.base}/v1/artifacts/upload", headers={"X-API-Key": world.options.key}, timeout=30,
        files={"file": (f"{world.mark}-1.0.whl", content)}, data={"release_id": world.ids["version"], "artifact_type": "wheel", "platform": "any"},
    )
    assert upload.status_code == 201, upload.text
    world.ids["artifact"] = upload.json()["id"]
    artifact = sdk.get_artifact(world.ids["artifact"])
    assert artifact.checksum == hashlib.sha256(content).hexdigest() and artifact.size_bytes == len(content)
    assert [one.id for one in sdk.list_artifacts(release_id=world.ids["version"], limit=10, offset=0)] == [artifact.id]
    assert [one.id for one in sdk.list_artifacts(model_id=world.ids["model"])] == [artifact.id], "model_id is honoured"
    assert sdk.list_artifacts(limit=10, offset=10) == []


def sdk_rest(world: World) -> None:
    sdk = world.sdk
    rows = sdk.list_audit_logs(limit=5, action="create_model", resource_type="model")
    assert len(rows) == 5 and {row.action for row in rows} == {"create_model"}
    assert sdk.list_audit_logs(limit=1, offset=4, action="create_model")[0].id == rows[4].id, "offset is honoured"
    usage = sdk.get_storage_usage()
    assert 0 < usage["used"] <= usage["total"]
    assert any(row["name"] == "llama" and row["is_directory"] for row in sdk.list_files("/"))
    assert [row["name"] for row in sdk.list_files("llama")] == [Path(world.options.model).name]
    raises(RegistryError, "API error (401): ", lambda: Registry(world.base, "wrong.key-that-is-long-enough").list_models())
    model = sdk.create_model(f"{world.mark}-gone", "gone")
    assert sdk.delete_model(model.id)["deleted_id"] == model.id
    raises(RegistryError, "API error (404): ", lambda: sdk.get_model(model.id))


def old_scripts(world: World) -> None:
    """They post to paths with a slash at the end, and to the older name of versions."""
    client = httpx.Client(base_url=f"{world.base}/v1", headers={"X-API-Key": world.options.key}, follow_redirects=False)
    model = client.post("/models/", json={"name": f"{world.mark}-slash", "storage_path": "s"})
    assert model.status_code == 201, model.text
    version = client.post("/releases/", json={"image_id": model.json()["id"], "version": "1", "tag": "t", "digest": "d"})
    assert version.status_code == 201, version.text
    assert client.get(f"/releases/{version.json()['id']}").json()["image_id"] == model.json()["id"]
    assert client.delete(f"/releases/{version.json()['id']}").json()["success"] is True


# The tools of the MCP server


def tools_registry(world: World) -> None:
    tools, name = world.tools, f"{world.mark}-tool/model"
    model = tools.create_model(name, "tool", server_type="vllm", description="d", tags=["t"], requires_gpu=False)
    assert model["server_type"] == "vllm" and model["requires_gpu"] is False, "kept, not dropped"
    assert [one["name"] for one in tools.list_models(search=name, server_type="vllm", source="manual")] == [name]
    assert tools.list_models(search=name, server_type="onnx") == []
    assert tools.get_model(name)["id"] == tools.get_model(model["id"])["id"], "by id and by name, the slash not encoded"
    assert tools.update_model(name, description="e", tags=["u"], metadata={"a": 1})["tags"] == ["u"]
    version = tools.create_version(model["id"], "1.0", "latest", "sha256:0", quantization="q8")
    assert version["model_name"] == name
    assert tools.promote_version(version["id"])["is_release"] is True
    assert [one["id"] for one in tools.list_versions(model_name=name, is_release=True)] == [version["id"]]
    assert tools.get_version(version["id"])["ceph_path"] is None
    assert tools.get_latest_version(name)["id"] == version["id"]
    raises(ToolError, "API error (404): ", lambda: tools.get_model("nothing"))
    found = tools.search(f"{world.mark}-tool")
    assert [one["name"] for one in found["models"]] == [name] and [one["id"] for one in found["versions"]] == [version["id"]]
    assert tools.search("production", types=["deployments"])["deployments"][0]["id"] == world.ids["record"]
    assert tools.delete_model(name)["deleted_id"] == model["id"]


def tools_builds_and_deployments(world: World) -> None:
    tools = world.tools
    build = tools.trigger_docker_build(world.ids["version"], image_tag=f"{world.mark}-tools:1.0")
    assert build["status"] == "pending" and build["version_id"] == world.ids["version"]
    until("the build", lambda: tools.get_docker_build(build["id"])["status"], lambda status: status in ("success", "failed"))
    assert tools.get_docker_build(build["id"])["status"] == "success", tools.get_docker_build_logs(build["id"])
    assert build["id"] in [one["id"] for one in tools.list_docker_builds(version_id=world.ids["version"], status="success")]
    assert tools.get_docker_disk_usage()["images"]["count"] > 0

    deployment = tools.execute_deployment(world.ids["version"], environment="staging", gpu_enabled=False)
    id = world.ids["deployment"] = deployment["id"]
    running = until("the deployment", lambda: tools.get_deployment(id)["status"], lambda status: status in ("running", "failed"))
    assert running == "running", tools.get_deployment_logs(id)
    until("health", lambda: tools.get_deployment(id)["health_status"], lambda health: health == "healthy")
    detail = tools.get_deployment(id)
    assert detail["image_name"] == detail["model_name"] and detail["version"] == detail["release_version"] == "1.0"
    assert tools.get_deployment_status(id)["running"] is True
    assert isinstance(tools.get_deployment_logs(id, lines=50), str)
    health = tools.get_deployment_health(id)
    assert health["healthy"] is True and health["response_time_ms"] >= 0
    assert [one["id"] for one in tools.list_deployments(status="running", environment="staging", model_name=detail["image_name"].upper())] == [id]
    for action, status in ((tools.restart_deployment, "running"), (tools.stop_deployment, "stopped"), (tools.start_deployment, "running")):
        action(id)
        until(action.__name__, lambda: tools.get_deployment(id)["status"], lambda seen, wanted=status: seen == wanted)


def tools_rest(world: World) -> None:
    tools = world.tools
    artifacts = tools.list_artifacts(version_id=world.ids["version"], model_id=world.ids["model"], artifact_type="wheel")
    assert [one["id"] for one in artifacts] == [world.ids["artifact"]]
    one = tools.get_artifact(world.ids["artifact"])
    assert one["filename"] == one["name"] and one["version_id"] == one["release_id"] and one["storage_path"] == one["file_path"]
    health = tools.health_check()
    assert health["status"] == "healthy" and all(isinstance(health[name], bool) for name in ("database", "cache", "celery"))
    rows = tools.get_audit_logs(resource_type="model", limit=3)
    assert len(rows) == 3 and rows[0]["user"] == rows[0]["api_key_name"]
    usage = tools.get_storage_usage()
    assert usage["total_bytes"] == usage["total"] and isinstance(usage["largest_models"], list)
    assert any(row["type"] == "dir" and row["name"] == "llama" for row in tools.browse_model_storage("/"))


# The UI


def ui_writes(world: World) -> None:
    """The forms: what they send, and what they do with the answer."""
    browser = Browser(world.base, world.options.key).client
    model = browser.post("/models", json={"name": f"{world.mark}-ui", "storage_path": "ui", "tags": []}).json()
    body = {
        "model_id": model["id"], "image_id": model["id"], "version": "2.0", "tag": "latest", "digest": "sha256:1", "platform": "linux/arm64",
        "architecture": "arm64", "os": "linux", "metadata": {}, "is_release": False,
    }
    version = browser.post("/versions", json=body).json()
    assert version["architecture"] == "arm64"
    assert browser.put(f"/versions/{version['id']}", json={"is_release": True}).json()["is_release"] is True
    record = {"release_id": version["id"], "environment": "ui", "status": "success", "metadata": {}, "cluster": "c", "k8s_namespace": "n", "endpoint_url": "http://localhost:1", "replicas": 2}
    deployment = browser.post("/deployments", json=record).json()
    assert (deployment["cluster"], deployment["k8s_namespace"], deployment["replicas"]) == ("c", "n", 2), "kept, not dropped"
    latest = browser.get("/versions/latest", params={"model_name": f"{world.mark}-0"})
    assert latest.status_code == 404, "which the UI takes for none"
    key = browser.post("/api-keys", json={"name": f"{world.mark}-ui", "role": "viewer", "expires_at": None})
    assert key.status_code == 201 and key.json()["key"]
    own = next(one for one in browser.get("/api-keys").json() if one["name"] == "admin")
    refused = browser.delete(f"/api-keys/{own['id']}")
    assert refused.status_code == 400 and "self_delete" in refused.json()["detail"]
    assert browser.delete(f"/api-keys/{key.json()['id']}").status_code == 200


def ui_artifacts(world: World) -> None:
    """The upload form sends a file and its platform, the other one a path; the picker filters by model."""
    headers = {"X-API-Key": world.options.key}
    upload = httpx.post(
        f"{world.base}/v1/artifacts/upload", headers=headers, files={"file": (f"{world.mark}.tar.gz", b"x" * 10)}, data={"platform": "any"}, timeout=30
    )
    assert upload.status_code == 201, upload.text
    (world.storage / "wheels").mkdir(exist_ok=True)
    (world.storage / "wheels" / f"{world.mark}.whl").write_bytes(b"y" * 20)
    registered = httpx.post(
        f"{world.base}/v1/artifacts/register", headers=headers, json={"file_path": str(world.storage / "wheels" / f"{world.mark}.whl"), "platform": "any"}, timeout=30
    )
    assert registered.status_code == 201, registered.text
    for made, size in ((upload, 10), (registered, 20)):
        download = httpx.get(f"{world.base}/v1/artifacts/{made.json()['id']}/download", headers=headers, timeout=30)
        assert download.status_code == 200 and len(download.content) == size
        assert download.headers["content-disposition"].startswith("attachment; filename=") and download.headers["etag"]
        assert httpx.delete(f"{world.base}/v1/artifacts/{made.json()['id']}", headers=headers, timeout=30).json()["success"] is True


def ui_reads(world: World) -> Iterator[tuple[str, Callable[[], None]]]:
    """Each row of the table as a case of its own; where there is an anonymous viewer, without a key too."""
    everything = [("", world.options.key)] + ([(" without a key", None)] if world.options.anonymous else [])
    for suffix, key in everything:
        browser = Browser(world.base, key)
        for path, shape in READS:
            if key is None and path == "/api-keys":
                continue

            def read(path: str = path, shape: Any = shape, browser: Browser = browser) -> None:
                answer = browser.read(path.format(**world.ids))
                if isinstance(answer, dict) and "items" in answer and path.endswith("size=20"):
                    assert answer["items"], "an empty list shows nothing"
                found = list(problems(shape, answer))
                assert not found, "; ".join(found[:10])

            yield f"GET {path}{suffix}", read


def nobody(world: World) -> None:
    """Without a key nothing is told, unless there is an anonymous viewer, who writes nothing."""
    browser = Browser(world.base, None).client
    if world.options.anonymous:
        assert browser.post("/models", json={"name": "x", "storage_path": "x"}).status_code in (401, 403)
        assert browser.get("/api-keys").status_code in (401, 403)
        return
    for path, _ in READS:
        answer = browser.get(path.format(**world.ids))
        assert answer.status_code == 401 and answer.headers["www-authenticate"], f"GET {path}: {answer.status_code}"


def cases(world: World) -> Iterator[tuple[str, str, Callable[[], None]]]:
    """In the order in which they build on one another."""
    sdk = [sdk_models, sdk_versions, sdk_deployments, sdk_keys, sdk_builds, sdk_artifacts, sdk_rest, old_scripts]
    tools = [tools_registry, tools_builds_and_deployments, tools_rest]
    for client, actions in (("SDK", sdk), ("MCP", tools), ("UI", [ui_writes, ui_artifacts])):
        for action in actions:
            yield client, action.__name__, lambda action=action: action(world)
    for name, action in ui_reads(world):
        yield "UI", name, action
    yield "UI", "nobody", lambda: nobody(world)
    wire = Wire(world.base, world.options.key, world.mark, world.options.anonymous)
    for case in CASES:
        yield "all", case.__name__, lambda case=case: case(wire)


def main() -> int:
    parser = argparse.ArgumentParser()
    for name in ("url", "key", "storage", "model", "mark"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--anonymous", action="store_true")
    world = World(parser.parse_args())
    failed = False
    for client, name, action in cases(world):
        problem = None
        try:
            action()
        except Exception as error:  # noqa: BLE001 - each case is told, whatever befell it
            lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == __file__]
            source = inspect.getsource(sys.modules[__name__]).splitlines()[lines[-1] - 1].strip() if lines else ""
            problem = f"{type(error).__name__}: {error} (at: {source})"
            failed = True
        print(json.dumps({"client": client, "case": name, "ok": problem is None} | ({"why": problem} if problem else {})), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
