"""Ids and names of things that exist: without them nearly every drawn request would end at a 404."""

import hashlib
import random
from collections import defaultdict, deque
from typing import Any

import requests

# Members whose values are worth repeating, besides those that end with _id.
NAMES = ("environment", "alias", "path", "file_path", "source_id", "sha256", "digest")


class Known:
    """What answers have told so far, by the name of the parameter that takes it."""

    def __init__(self, document: dict) -> None:
        self.values: dict[str, deque[str]] = defaultdict(lambda: deque(maxlen=64))
        # `/api/v1/models` and `/api/v1/models/{model_id}`: an `id` in an answer of the first is a `model_id`.
        self.parameter_of: dict[str, str] = {}
        for path in document["paths"]:
            collection, _, last = path.rpartition("/")
            if last.startswith("{"):
                self.parameter_of.setdefault(collection, last.strip("{}"))

    def learn(self, path: str, answer: Any) -> None:
        """Takes the ids out of the answer of a path, as the document spells it."""
        own = self.parameter_of.get(path) or self.parameter_of.get(path.rpartition("/{")[0])
        for thing in answer.get("items", [answer]) if isinstance(answer, dict) else answer if isinstance(answer, list) else []:
            if not isinstance(thing, dict):
                continue
            for key, value in thing.items():
                name = (own if (own or "").endswith("_id") else None) if key == "id" else key
                if isinstance(value, str) and value and name and (name.endswith("_id") or name in NAMES):
                    self.add(name, value)

    def add(self, name: str, value: str) -> None:
        if value not in self.values[name]:
            self.values[name].append(value)

    def put_into(self, members: Any, dice: random.Random, share: float = 0.7) -> set[str]:
        """Replaces values whose names are known by things that exist, each with a chance, and says which."""
        if not isinstance(members, dict):
            return set()
        replaced = {name for name, value in members.items() if isinstance(value, str) and self.values.get(name) and dice.random() < share}
        for name in sorted(replaced):
            members[name] = dice.choice(list(self.values[name]))
        return replaced


def fixtures(known: Known, url: str, key: str) -> None:
    """Some of everything that costs no engine."""
    session = requests.Session()
    session.headers["X-API-Key"] = key

    def send(method: str, path: str, **options: Any) -> dict:
        answer = session.request(method, f"{url}/api/v1{path}", timeout=20, **options)
        if answer.status_code >= 300 and answer.status_code != 409:
            raise SystemExit(f"{method} {path}: {answer.status_code} {answer.text}")
        thing = answer.json()
        known.learn(f"/api/v1{path}", thing)
        return thing

    def post(path: str, body: dict) -> dict:
        return send("POST", path, json=body)

    # Workers start at the same time; each has things of its own.
    mark = f"{random.SystemRandom().getrandbits(48):x}"
    known.add("source_id", "vllm_wheels")
    for number in range(4):
        content = f"{mark}-{number}".encode()
        file = {"path": f"weights-{number}.bin", "size_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        model = post("/models", {"name": f"fuzz/{mark}-{number}", "storage_path": f"fuzz/{number}", "server_type": "generic", "tags": ["a", "b"]})
        for version in ("1.0", "2.0"):
            made = post("/versions", {"model_id": model["id"], "version": version, "quantization": "q4", "files": [file]})
            known.add("version_id", made["id"])
            known.add("release_id", made["id"])
        known.add("model_id", model["id"])
        known.add("image_id", model["id"])
        known.add("model_name", model["name"])
        known.add("path", file["path"])
        known.add("sha256", file["sha256"])
        send("PUT", f"/versions/{made['id']}/files/{file['path']}", data=content, headers={"Content-Type": "application/octet-stream"})
        send("PUT", f"/models/{model['id']}/aliases/staging", json={"version": made["version"]})
        known.add("alias", "staging")
        artifact = send("POST", "/artifacts/upload", files={"file": (f"{mark}-{number}.whl", content)}, data={"release_id": made["id"]})
        known.add("artifact_id", artifact["id"])
        known.add("file_path", artifact["file_path"])
        for size in (7, 70_000):
            digest = hashlib.sha256(f"{mark}-{number}-{size}".encode()).hexdigest()
            upload = post("/uploads", {"name": f"{mark}-{number}-{size}.bin", "size_bytes": size, "sha256": digest})
            known.add("upload_id", upload["id"])
        dependency = post(f"/versions/{made['id']}/dependencies", {"kind": "dataset", "name": f"data-{number}", "url": "https://example.org/data"})
        known.add("dependency_id", dependency["id"])
        environment = post("/environments", {"name": f"fuzz-{mark}-{number}", "type": "cpu"})
        known.add("environment", environment["name"])
        deployment = post("/deployments", {"release_id": made["id"], "environment": environment["name"]})
        known.add("deployment_id", deployment["id"])
        known.add("key_id", post("/api-keys", {"name": f"fuzz-{mark}-{number}"})["id"])
        known.add("operation_id", post("/system/sync", {"dry_run": True})["id"])
    for row in session.get(f"{url}/api/v1/audit-logs", params={"limit": 20}, timeout=20).json():
        known.add("audit_id", row["id"])
