"""What every earlier client takes for granted, whatever it calls: paging, errors, names, deletes (contract, sections 1, 2 and 4.3).

Each case gets the address of the API and an admin's key, makes what it needs, and takes nothing away.
"""

import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import httpx

UNKNOWN = "00000000-0000-0000-0000-000000000000"


class Wire:
    """Plain requests, as a script sends them."""

    def __init__(self, base: str, key: str, mark: str, has_anonymous_viewer: bool) -> None:
        self.has_anonymous_viewer = has_anonymous_viewer
        self.root = base.removesuffix("/api")
        self.mark = mark
        self.client = httpx.Client(base_url=f"{base}/v1", headers={"X-API-Key": key}, timeout=30, follow_redirects=False)

    def get(self, path: str, **options) -> httpx.Response:
        return self.client.get(path, **options)

    def make(self, name: str) -> dict:
        answer = self.client.post("/models", json={"name": name, "storage_path": "wire"})
        assert answer.status_code == 201, answer.text
        return answer.json()


def both_dialects(wire: Wire) -> None:
    """Pages by number and size, and by limit and offset, which earlier servers ignored."""
    names = [wire.make(f"{wire.mark}-page-{number:02}")["name"] for number in range(12)][::-1]
    search = {"search": f"{wire.mark}-page-"}

    def page(**query) -> dict:
        answer = wire.get("/models", params=search | query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def called(answer: dict) -> list[str]:
        return [row["name"] for row in answer["items"]]

    first = page()
    assert called(first) == names[:10] and (first["total"], first["page"], first["size"], first["pages"]) == (12, 1, 10, 2)
    assert called(page(page=2, size=5)) == names[5:10]
    by_offset = page(limit=5, offset=5)
    assert called(by_offset) == names[5:10] and (by_offset["page"], by_offset["size"], by_offset["pages"]) == (2, 5, 3)
    assert called(page(limit=4, skip=2)) == names[2:6]
    assert called(page(limit=5, offset=3)) == names[3:8], "an offset is rows, not pages"
    assert page(page=9)["items"] == [] and page(page=9)["total"] == 12, "past the end is empty, not wrong"
    assert len(page(limit=100_000)["items"]) == 12, "a limit that is too large is cut, not refused"
    for query in ({"page": 0}, {"size": 0}, {"size": 101}, {"page": "x"}):
        assert wire.get("/models", params=query).status_code == 422, query


def shapes_of_errors(wire: Wire) -> None:
    """`detail` is a text, or of a malformed request a list of problems; always JSON."""
    missing = wire.get(f"/models/{UNKNOWN}")
    assert missing.status_code == 404 and missing.json()["error_type"] == "ModelNotFoundError"
    assert missing.json()["detail"] == f"Model not found: {UNKNOWN}" and missing.json()["identifier"] == UNKNOWN
    kinds = {"versions": "Version", "deployments": "Deployment", "artifacts": "Artifact", "docker/builds": "DockerBuild"}
    for route, kind in kinds.items():
        answer = wire.get(f"/{route}/{UNKNOWN}")
        assert answer.status_code == 404 and answer.json()["error_type"] == f"{kind}NotFoundError", answer.text
        assert isinstance(answer.json()["detail"], str)
    name = wire.make(f"{wire.mark}-twice")["name"]
    taken = wire.client.post("/models", json={"name": name, "storage_path": "x"})
    assert taken.status_code == 409 and taken.json()["error_type"] == "ModelAlreadyExistsError" and taken.json()["name"] == name
    unprocessable = wire.client.post("/models", json={"storage_path": 5})
    assert unprocessable.status_code == 422
    problems = unprocessable.json()["detail"]
    assert {("body", "name"), ("body", "storage_path")} == {tuple(one["loc"]) for one in problems}
    assert all(isinstance(one["type"], str) and isinstance(one["msg"], str) and "input" in one for one in problems)
    malformed = wire.client.post("/models", content=b'{"name": ', headers={"Content-Type": "application/json"})
    assert malformed.status_code == 422 and malformed.json()["detail"][0]["type"] == "json_invalid"
    assert malformed.json()["detail"][0]["loc"][0] == "body" and isinstance(malformed.json()["detail"][0]["loc"][1], int)
    nowhere, other = wire.get("/nothing-here"), wire.client.request("PATCH", "/models")
    assert (nowhere.status_code, nowhere.json()["detail"]) == (404, "Not Found")
    assert (other.status_code, other.json()["detail"]) == (405, "Method Not Allowed")


def keys_and_roles(wire: Wire) -> None:
    """401 and 403 in the words that older documents have; a key looks as the UI expects."""
    made = wire.client.post("/api-keys", json={"name": f"{wire.mark}-viewer", "role": "viewer"}).json()
    assert re.fullmatch(r"[a-zA-Z0-9._-]{10,200}", made["key"]) and "." in made["key"]
    viewer = {"X-API-Key": made["key"]}
    refused = httpx.post(f"{wire.client.base_url}models", headers=viewer, json={"name": "x", "storage_path": "x"})
    assert refused.status_code == 403 and refused.json()["detail"].startswith("Insufficient permissions. Required role: operator"), refused.text
    assert httpx.get(f"{wire.client.base_url}api-keys", headers=viewer).status_code == 403
    refusals = [({"X-API-Key": "no.such-key-as-this"}, "Invalid API key"), ({"X-API-Key": "nodot"}, "Invalid API key")]
    if not wire.has_anonymous_viewer:
        refusals.append(({}, "Missing API key"))
    for headers, words in refusals:
        answer = httpx.get(f"{wire.client.base_url}models", headers=headers)
        assert answer.status_code == 401 and answer.json()["detail"].startswith(words), answer.text
        assert answer.headers["www-authenticate"]
    expired = wire.client.post("/api-keys", json={"name": f"{wire.mark}-soon", "expires_at": (datetime.now(timezone.utc) - timedelta(hours=1)).isoformat()})
    assert expired.status_code in (400, 422) or httpx.get(
        f"{wire.client.base_url}models", headers={"X-API-Key": expired.json()["key"]}
    ).status_code == 401, "a key that has expired opens nothing"
    rows = wire.get("/api-keys").json()
    assert isinstance(rows, list) and all("key" not in row or row["key"] is None for row in rows), "told once"


def names_with_slashes(wire: Wire) -> None:
    """The slash of a name is not percent-encoded, the known ends of paths notwithstanding."""
    name = f"{wire.mark}/team/llama-3-8b"
    model = wire.make(name)
    version = wire.client.post("/versions", json={"model_id": model["id"], "version": "1.0"}).json()
    for path in (name, name.replace("/", "%2F"), model["id"]):
        assert wire.get(f"/models/{path}").json()["id"] == model["id"], path
        assert [row["id"] for row in wire.get(f"/models/{path}/versions").json()["items"]] == [version["id"]], path
    assert wire.client.put(f"/models/{name}", json={"description": "d"}).json()["description"] == "d"
    assert wire.client.put(f"/models/{name}", json={"description": None}).json()["description"] == "d", "null leaves it as it is"
    assert wire.get("/versions", params={"model_name": name}).json()["total"] == 1
    assert wire.get("/versions/latest", params={"model_name": name}).json()["id"] == version["id"]


def deletes_answer(wire: Wire) -> None:
    """With 200 and JSON, of whatever sort: clients parse it."""
    model = wire.make(f"{wire.mark}-deleted")
    version = wire.client.post("/versions", json={"image_id": model["id"], "version": "1", "tag": "t", "digest": "d"}).json()
    key = wire.client.post("/api-keys", json={"name": f"{wire.mark}-deleted"}).json()
    artifact = wire.client.post("/artifacts/upload", files={"file": (f"{wire.mark}-deleted.bin", b"z")}).json()
    for path in (f"/versions/{version['id']}", f"/api-keys/{key['id']}", f"/artifacts/{artifact['id']}", f"/models/{model['id']}"):
        answer = wire.client.delete(path)
        expected = {"success": True, "deleted_id": path.rpartition("/")[2]}
        assert answer.status_code == 200 and expected.items() <= answer.json().items(), f"{path}: {answer.text}"
        assert wire.client.delete(path).status_code == 404


def supersets(wire: Wire) -> None:
    """Both names of the same thing are always there, nothing is null that a client takes for a text, and times have their zone."""
    model = wire.client.post(
        "/models", json={"name": f"{wire.mark}-super", "storage_path": "s", "server_type": "vllm", "requires_gpu": False, "unheard_of": 1}
    ).json()
    assert (model["server_type"], model["requires_gpu"], model["source"]) == ("vllm", False, "manual")
    version = wire.client.post("/versions", json={"model_id": model["id"], "version": "1"}).json()
    assert version["model_id"] == version["image_id"] == model["id"] and version["model_name"] == version["image_name"] == model["name"]
    assert all(isinstance(version[name], str) and version[name] for name in ("tag", "digest", "platform", "architecture", "os", "status"))
    deployment = wire.client.post("/deployments", json={"release_id": version["id"], "environment": "wire"}).json()
    assert deployment["release_id"] == deployment["version_id"] == version["id"]
    assert deployment["image_name"] == deployment["model_name"] == model["name"] and deployment["release_version"] == deployment["version"] == "1"
    for thing, names in ((model, ("created_at", "updated_at")), (version, ("created_at",)), (deployment, ("deployed_at",))):
        for name in names:
            assert thing[name].endswith("Z") and datetime.fromisoformat(thing[name]).tzinfo is not None, thing[name]
    short = wire.get(f"/versions/{version['id']}/deployments").json()
    assert isinstance(short, list) and short[0]["id"] == deployment["id"], "answered, not a 500"
    for route in ("/models/options", "/versions/options", "/artifacts/sources/list", "/audit-logs", "/api-keys", "/system/files"):
        assert isinstance(wire.get(route).json(), list), f"{route} is a bare array"
    unset = wire.client.post("/versions", json={"version": "2"})
    assert unset.status_code == 422, "neither model_id nor image_id"


def health_and_roots(wire: Wire) -> None:
    """What proxies and monitors ask for, without a key."""
    for path in ("/api/health", "/health"):
        health = httpx.get(wire.root + path).json()
        assert health["status"] == "healthy" and health["components"]["database"] == "healthy" and "version" in health
    assert {"message", "version", "docs", "health"} <= httpx.get(wire.root + "/").json().keys()
    assert {"app_name", "version", "environment", "api_version"} <= httpx.get(f"{wire.root}/api/v1/info").json().keys()
    assert "openapi" in httpx.get(f"{wire.root}/api/openapi.json").json() and httpx.get(f"{wire.root}/docs").status_code == 200
    slashed = httpx.get(f"{wire.root}/api/v1/models/", headers=wire.client.headers)
    assert slashed.status_code == 200 and "items" in slashed.json(), "served, not redirected"


def sandbox(wire: Wire) -> None:
    """A path that leaves the storage root lists nothing of what is outside."""
    for path in ("..", "../..", "/../etc", "..%2f..%2fetc", "....//etc"):
        answer = wire.get("/system/files", params={"path": path})
        assert answer.status_code in (200, 400, 404, 422), answer.text
        assert answer.status_code != 200 or answer.json() == [], f"{path}: {answer.text[:200]}"


def audit(wire: Wire) -> None:
    """Every write has its row, with the words that earlier rows have."""
    model = wire.make(f"{wire.mark}-audited")
    row = wire.get("/audit-logs", params={"action": "create_model", "resource_type": "model", "limit": 1}).json()[0]
    assert row["resource_id"] == model["id"] and row["details"]["name"] == model["name"] and row["details"]["storage_path"] == "wire"
    assert row["user"] == row["api_key_name"] and row["created_at"].endswith("Z") and row["ip_address"]
    two = wire.get("/audit-logs", params={"limit": 2}).json()
    assert wire.get("/audit-logs", params={"limit": 1, "skip": 1}).json()[0]["id"] in [one["id"] for one in two]


CASES: list[Callable[[Wire], None]] = [
    both_dialects, shapes_of_errors, keys_and_roles, names_with_slashes, deletes_answer, supersets, health_and_roots, sandbox, audit,
]
