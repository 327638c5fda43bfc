#!/usr/bin/env python3
"""Kills a server with SIGKILL at drawn moments while clients write everything that a registry holds, and looks what is left.

    kill_under_load.py --server FILE --templates FOLDER [--postgres URL] [--seconds S] [--seed N] [--rounds N]

Round after round on the same data: the server starts, six clients write (models, versions, aliases, keys, dependencies, artifacts,
uploads in pieces), and after a drawn number of acknowledged writes the server is killed. It starts again, and then
  - whatever was acknowledged is there as it was left, and has its row in the audit log; what was deleted is gone;
  - only the one write of each client that had no answer yet may have happened or not;
  - the chain of the audit log verifies, counters count what is there, the search index is that of the tables;
  - bytes are whole, uploads stand no earlier than was acknowledged, and no file is left that nothing accounts for, but for those
    that were on their way.
With --postgres the tables are in a database of its own on that server, otherwise in SQLite.

Exit status: 0 all of it held; 1 something did not, which is printed.
"""

import argparse
import hashlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

sys.path.insert(0, str(Path(__file__).parent.parent / "Fuzzing"))
import consistency  # noqa: E402

CLIENTS = 6
PIECE = 40_000


class Gone(Exception):
    """The server ended before it answered."""


class Server:
    """One data directory, and the processes that serve it one after another."""

    def __init__(self, options: argparse.Namespace, folder: Path, database_url: str | None) -> None:
        self.options = options
        self.data = folder / "data"
        self.log = folder / "server.log"
        self.database = database_url or str(self.data / "catapult.sqlite")
        self.further = ["--database-url", database_url] if database_url else []
        self.process: subprocess.Popen | None = None
        self.url = ""

    def start(self) -> None:
        command = [
            self.options.server, "--port", "0", "--data-dir", str(self.data), "--templates", self.options.templates,
            "--log-level", "error", *self.further,
        ]
        environment = {"PATH": "/usr/bin:/bin", "DOCKER_HOST": f"unix://{self.data}/no-engine.sock"}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL, text=True, env=environment)
        for line in self.process.stdout:
            found = re.search(r" listens on (\S+)", line)
            if found:
                self.url = found[1]
                return
        raise SystemExit(f"the server did not start: {self.log.read_text(errors='replace')[-2000:]}")

    def end(self, how: signal.Signals) -> None:
        if self.process:
            self.process.send_signal(how)
            self.process.wait()
            self.process.stdout.close()
            self.process = None

    @property
    def key(self) -> str:
        return (self.data / "admin.key").read_text().strip()


class Client:
    """Writes things of its own, and knows what was acknowledged."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.models: dict[str, dict] = {}
        self.versions: dict[str, dict] = {}
        self.aliases: dict[tuple[str, str], str] = {}
        self.keys: dict[str, str] = {}
        self.artifacts: dict[str, str] = {}
        # Content and what was acknowledged of it.
        self.uploads: dict[str, tuple[bytes, int]] = {}
        self.gone: set[str] = set()
        self.audited: set[tuple[str, str]] = set()
        # What the write without an answer is about: it may have happened or not.
        self.uncertain: set[str] = set()
        self.made = 0

    def work(self, server: Server, seed: str, acknowledged: Callable[[], None]) -> None:
        """Until the server is gone."""
        self.dice = random.Random(seed)
        self.session = requests.Session()
        self.session.headers["X-API-Key"] = server.key
        self.base = f"{server.url}/api/v1"
        actions = [self.model] * 2 + [self.version] * 4 + [
            self.describe, self.alias, self.alias, self.api_key, self.revoke, self.artifact, self.upload, self.upload, self.dependency,
            self.remove_version, self.remove_artifact, self.deprecate,
        ]
        try:
            while True:
                if self.dice.choice(actions)():
                    acknowledged()
        except Gone:
            pass
        finally:
            self.session.close()

    def send(self, method: str, path: str, about: set[str], **options: Any) -> dict:
        self.uncertain = about
        try:
            answer = self.session.request(method, self.base + path, timeout=60, **options)
            body = answer.json()
        except requests.RequestException:
            raise Gone from None
        if answer.status_code == 409 and body.get("code") == "upload_busy":
            # The server that died had it; a minute later it is free.
            self.uncertain = set()
            return {}
        if answer.status_code >= 300:
            raise AssertionError(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
        self.uncertain = set()
        return body

    def name(self) -> str:
        self.made += 1
        return f"client-{self.number}/thing-{self.made}"

    def note(self, action: str, identifier: str) -> bool:
        self.audited.add((action, identifier))
        return True

    def pick(self, things: dict[str, Any]) -> str | None:
        return self.dice.choice(list(things)) if things else None

    # Each says whether it wrote something.

    def model(self) -> bool:
        name = self.name()
        body = {"name": name, "storage_path": f"nothing/{self.made}", "description": f"made {self.made}", "tags": ["drawn", f"of-{self.number}"]}
        made = self.send("POST", "/models", {name}, json=body)
        self.models[made["id"]] = {"name": name, "description": body["description"], "tags": body["tags"]}
        return self.note("create_model", made["id"])

    def describe(self) -> bool:
        one = self.pick(self.models)
        if one is None:
            return False
        self.made += 1
        change = {"description": f"changed {self.made}", "tags": [f"tag-{self.made}"]}
        self.send("PUT", f"/models/{one}", {one}, json=change)
        self.models[one] |= change
        return self.note("update_model", one)

    def version(self) -> bool:
        of = self.pick(self.models)
        if of is None:
            return False
        self.made += 1
        files = [{"path": f"{n}.bin", "size_bytes": n, "sha256": hashlib.sha256(f"{self.made} {n}".encode()).hexdigest()} for n in range(1, 4)]
        body = {"model_id": of, "version": f"1.{self.made}", "release_notes": f"notes {self.made}", "files": files}
        made = self.send("POST", "/versions", {of}, json=body)
        self.versions[made["id"]] = {"version": body["version"], "release_notes": body["release_notes"], "model_id": of, "status": "active"}
        return self.note("create_version", made["id"])

    def deprecate(self) -> bool:
        one = self.pick({id: known for id, known in self.versions.items() if known["status"] == "active"})
        if one is None:
            return False
        self.send("POST", f"/versions/{one}/deprecate", {one}, json={"reason": "drawn"})
        self.versions[one]["status"] = "deprecated"
        return self.note("deprecate_version", one)

    def remove_version(self) -> bool:
        held = set(self.aliases.values())
        one = self.pick({id: known for id, known in self.versions.items() if id not in held})
        if one is None or len(self.versions) < 4:
            return False
        self.send("DELETE", f"/versions/{one}?force=true", {one}, json=None)
        del self.versions[one]
        self.gone.add(f"/versions/{one}")
        return self.note("delete_version", one)

    def alias(self) -> bool:
        one = self.pick({id: known for id, known in self.versions.items() if known["status"] == "active"})
        if one is None:
            return False
        of, alias = self.versions[one]["model_id"], self.dice.choice(["staging", "nightly"])
        self.send("PUT", f"/models/{of}/aliases/{alias}", {of}, json={"version": self.versions[one]["version"]})
        self.aliases[of, alias] = one
        return True

    def dependency(self) -> bool:
        one = self.pick(self.versions)
        if one is None:
            return False
        self.made += 1
        name = f"data-{self.made}"
        self.send("POST", f"/versions/{one}/dependencies", {one}, json={"kind": "dataset", "name": name})
        self.versions[one].setdefault("dependencies", set()).add(name)
        return True

    def api_key(self) -> bool:
        name = self.name()
        made = self.send("POST", "/api-keys", {name}, json={"name": name, "role": "viewer"})
        self.keys[made["id"]] = made["key"]
        return self.note("create_api_key", made["id"])

    def revoke(self) -> bool:
        one = self.pick(self.keys)
        if one is None:
            return False
        self.send("DELETE", f"/api-keys/{one}", {one})
        del self.keys[one]
        self.gone.add(f"/api-keys/{one}")
        return self.note("delete_api_key", one)

    def artifact(self) -> bool:
        name, content = self.name().replace("/", "-"), self.dice.randbytes(self.dice.randrange(1, 200_000))
        made = self.send("POST", "/artifacts/upload", {name}, files={"file": (f"{name}.bin", content)})
        self.artifacts[made["id"]] = hashlib.sha256(content).hexdigest()
        return self.note("upload_artifact", made["id"])

    def remove_artifact(self) -> bool:
        one = self.pick(self.artifacts)
        if one is None or len(self.artifacts) < 3:
            return False
        self.send("DELETE", f"/artifacts/{one}", {one})
        del self.artifacts[one]
        self.gone.add(f"/artifacts/{one}")
        return self.note("delete_artifact", one)

    def upload(self) -> bool:
        """Begins an upload, sends its next piece, or ends it."""
        one = self.pick(self.uploads)
        if one is None or len(self.uploads) < 2:
            content = self.dice.randbytes(self.dice.randrange(1, 4 * PIECE))
            body = {"name": self.name().replace("/", "-"), "size_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            made = self.send("POST", "/uploads", {body["name"]}, json=body)
            self.uploads[made["id"]] = content, 0
            return self.note("create_upload", made["id"])
        content, offset = self.uploads[one]
        if offset < len(content):
            piece = content[offset : offset + PIECE]
            answer = self.send(
                "PUT", f"/uploads/{one}/content?offset={offset}", {one}, data=piece, headers={"Content-Type": "application/octet-stream"}
            )
            self.uploads[one] = content, answer.get("offset", offset)
            return bool(answer)
        ended = self.send("POST", f"/uploads/{one}/complete", {one})
        if not ended:
            return False
        del self.uploads[one]
        self.artifacts[ended["artifact_id"]] = hashlib.sha256(content).hexdigest()
        return self.note("complete_upload", one)

    # Afterwards.

    def check(self, server: Server) -> Iterator[str]:
        """What is not as it was acknowledged. What the unanswered write was about is looked at, and taken as it is."""
        session = requests.Session()
        session.headers["X-API-Key"] = server.key
        base = f"{server.url}/api/v1"

        def get(path: str, **options: Any) -> requests.Response:
            return session.get(base + path, timeout=60, **options)

        for id, known in self.models.items():
            yield from self._compare(f"/models/{id}", id, get(f"/models/{id}"), known)
        for id, known in list(self.versions.items()):
            answer = get(f"/versions/{id}")
            if id in self.uncertain and answer.status_code == 404:
                del self.versions[id]
                continue
            expected = {name: value for name, value in known.items() if name != "dependencies"}
            yield from self._compare(f"/versions/{id}", id, answer, expected)
            if "dependencies" in known:
                names = {row["name"] for row in get(f"/versions/{id}/dependencies").json()}
                if not known["dependencies"] <= names:
                    yield f"version {id} has not its dependencies {known['dependencies'] - names}"
        for (of, alias), version in list(self.aliases.items()):
            seen = get(f"/models/{of}/aliases/{alias}").json().get("version_id")
            if of in self.uncertain and seen in self.versions:
                self.aliases[of, alias] = seen
            elif seen != version:
                yield f"alias {alias} of {of} is {seen}, and not {version}"
        for id, key in list(self.keys.items()):
            status = requests.get(f"{base}/models?size=1", headers={"X-API-Key": key}, timeout=60).status_code
            if id in self.uncertain and status == 401:
                del self.keys[id]
            elif status != 200:
                yield f"key {id} is answered with {status}"
        for id, digest in list(self.artifacts.items()):
            answer = get(f"/artifacts/{id}/download")
            if id in self.uncertain and answer.status_code == 404:
                del self.artifacts[id]
            elif answer.status_code != 200 or hashlib.sha256(answer.content).hexdigest() != digest:
                yield f"artifact {id}: {answer.status_code}, {len(answer.content)} bytes that are not those which were sent"
        for id, (content, offset) in list(self.uploads.items()):
            answer = get(f"/uploads/{id}").json()
            if answer.get("state") == "complete" and id in self.uncertain:
                del self.uploads[id]
                self.artifacts[answer["artifact_id"]] = hashlib.sha256(content).hexdigest()
            elif answer.get("state") != "open" or not offset <= answer["offset"] <= len(content):
                yield f"upload {id} stands at {answer}, and {offset} was acknowledged"
            else:
                self.uploads[id] = content, answer["offset"]
        for path in self.gone:
            status = get(path).status_code
            if status != 404:
                yield f"{path} was deleted, and is answered with {status}"
        # What is acknowledged is found by its words.
        for id in list(self.models)[-2:]:
            hits = get("/search", params={"q": self.models[id]["name"], "types": "model"}).json()["hits"]
            if id not in [hit["id"] for hit in hits]:
                yield f"a search does not find {self.models[id]['name']}"
        session.close()

    def _compare(self, path: str, id: str, answer: requests.Response, known: dict) -> Iterator[str]:
        if answer.status_code != 200:
            yield f"{path} was acknowledged, and is answered with {answer.status_code}"
            return
        seen = {name: answer.json()[name] for name in known}
        if id in self.uncertain:
            known |= seen
            if id in self.versions:
                self.versions[id] |= seen
        elif seen != known:
            yield f"{path} is {seen}, and not {known}"


def of_audit(query: Callable, clients: list[Client]) -> Iterator[str]:
    """Acknowledged writes without a row, and things without the row of their making."""
    rows = {(action, id) for action, id in query("SELECT action, resource_id FROM audit_logs")}
    for client in clients:
        for action, id in client.audited - rows:
            yield f"the audit log has no {action} of {id}"
    for action, table in (("create_model", "models"), ("create_version", "versions")):
        made = {id for name, id in rows if name == action}
        for (id,) in query(f"SELECT id FROM {table}"):
            if id not in made:
                yield f"{table} has {id}, of which the audit log knows no {action}"


def of_files(query: Callable, root: Path, on_their_way: int) -> Iterator[str]:
    """Files of the store that nothing accounts for."""
    places = {path for (path,) in query("SELECT path FROM blob_places")}
    uploads = {f".catapult/uploads/{id}.part" for (id,) in query("SELECT id FROM uploads")}
    files = {str(path.relative_to(root)) for path in (root / ".catapult").rglob("*") if path.is_file()}
    left = files - places - uploads
    if len(left) > on_their_way:
        yield f"{len(left)} files that nothing accounts for, and no more than {on_their_way} were on their way: {sorted(left)[:5]}"
    for path in places - files:
        yield f"{path} is in the table, and not on the disk"


def run(options: argparse.Namespace, server: Server) -> tuple[int, int, list[str]]:
    clients = [Client(number) for number in range(CLIENTS)]
    dice = random.Random(options.seed)
    end = time.monotonic() + options.seconds
    written, rounds = 0, 0
    while rounds < options.rounds and (rounds == 0 or time.monotonic() < end):
        rounds += 1
        server.start()
        goal, seen, reached = dice.randrange(20, 250), 0, threading.Event()
        lock, failures = threading.Lock(), []

        def acknowledged() -> None:
            nonlocal seen
            with lock:
                seen += 1
                if seen >= goal:
                    reached.set()

        def work(client: Client) -> None:
            try:
                client.work(server, f"{options.seed} {rounds} {client.number}", acknowledged)
            except Exception as problem:  # noqa: BLE001 - told below, and ends the run
                failures.append(f"client {client.number}: {problem}")
                reached.set()

        threads = [threading.Thread(target=work, args=(client,)) for client in clients]
        for thread in threads:
            thread.start()
        reached.wait(120)
        time.sleep(dice.random() * 0.02)
        server.end(signal.SIGKILL)
        for thread in threads:
            thread.join()
        written += seen
        if failures:
            return rounds, written, failures
        server.start()
        found = [problem for client in clients for problem in client.check(server)]
        found += consistency.problems(server.url, server.key, server.database)
        query = consistency.reader(server.database)
        found += of_audit(query, clients)
        found += of_files(query, server.data / "storage", rounds * CLIENTS)
        server.end(signal.SIGTERM)
        if found:
            return rounds, written, [f"round {rounds}, {seen} writes: {problem}" for problem in found]
    return rounds, written, []


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--server", required=True)
    parser.add_argument("--templates", required=True)
    parser.add_argument("--postgres", help="URL of a server on which a database may be made")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="catapult-kill-"))
    name = f"catapult_kill_{uuid.uuid4().hex}"
    psql = ["psql", "--no-psqlrc", "--quiet", f"--dbname={options.postgres}"]
    url = urlsplit(options.postgres)._replace(path=f"/{name}").geturl() if options.postgres else None
    server = Server(options, folder, url)
    try:
        if url:
            create = f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'"
            subprocess.run([*psql, f"--command={create}"], check=True)
        rounds, written, found = run(options, server)
        print("\n".join(found))
        print(f"{rounds} kills, {written} acknowledged writes, seed {options.seed}: {len(found)} findings")
        if found and server.log.exists():
            print(server.log.read_text(errors="replace")[-3000:])
        return 1 if found else 0
    finally:
        server.end(signal.SIGKILL)
        if url:
            subprocess.run([*psql, f"--command=DROP DATABASE IF EXISTS {name} WITH (FORCE)"], check=True)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
