"""A Catapult server of a measure's own, and its API."""

import contextlib
import http.client
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from . import processes


@dataclass
class Setup:
    """What scripts/bench.sh has prepared."""

    binaries: Path
    templates: Path
    base_image: str
    make_model: Path
    work: Path
    peer_packages: Path
    nginx: str
    wrk: str

    @staticmethod
    def from_environment() -> "Setup":
        def path(name: str) -> Path:
            return Path(os.environ[name])

        return Setup(
            path("CATAPULT_BIN_DIR"), path("CATAPULT_TEMPLATES"), os.environ["BASE_IMAGE"], path("BENCH_MAKE_MODEL"), path("BENCH_WORK"),
            path("BENCH_PYTHON_PACKAGES"), os.environ["BENCH_NGINX"], os.environ["BENCH_WRK"],
        )


class Server:
    """One server: its process, its folders, its API."""

    def __init__(self, setup: Setup, name: str) -> None:
        self.setup = setup
        self.folder = setup.work / name
        self.data = self.folder / "data"
        self.storage = self.folder / "storage"
        self.log = self.folder / "server.log"
        self.port = processes.free_port()
        self.deployment_port = processes.free_port()
        self.process: subprocess.Popen | None = None
        self.storage.mkdir(parents=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def key(self) -> str:
        return (self.data / "admin.key").read_text().strip()

    @contextlib.contextmanager
    def running(self, *options: str) -> Iterator["Server"]:
        """Starts the server with further options; deployments that are left when the block ends are deleted."""
        first = self.deployment_port
        command = [
            str(self.setup.binaries / "catapult-server"), "--port", str(self.port), "--data-dir", str(self.data), "--storage-root",
            str(self.storage), "--templates", str(self.setup.templates), "--deployment-ports", f"{first}-{first + 9}",
            *options,
        ]
        with processes.running(command, self.log) as process:
            self.process = process
            processes.wait_until_ready(self.port, process, self.log)
            try:
                yield self
            finally:
                if process.poll() is None:
                    for deployment in self.call("GET", "/deployments?size=100")["items"]:
                        self.call("DELETE", f"/deployments/{deployment['id']}")

    def call(self, method: str, path: str, body: dict | None = None, connection: http.client.HTTPConnection | None = None):
        """The answer of a call of the API."""
        own = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            own.request(method, f"/api/v1{path}", body and json.dumps(body), {"X-API-Key": self.key})
            response = own.getresponse()
            text = response.read()
        finally:
            if connection is None:
                own.close()
        if response.status >= 300:
            raise processes.Failure(f"{method} {path}: {response.status} {text.decode()}")
        return json.loads(text)

    def remove(self) -> None:
        """Gives back the room on the disk; after it has run for the last time."""
        shutil.rmtree(self.folder)

    def finish(self, operation: str) -> None:
        """Waits for an operation to succeed."""
        while True:
            state = self.call("GET", f"/operations/{operation}?wait=30")
            if state["state"] == "succeeded":
                return
            if state["state"] in ("failed", "cancelled"):
                raise processes.Failure(f"operation {operation} {state['state']}: {state['error']}")

    def register(self, name: str, *options: str) -> dict:
        """A version 1.0 of the tiny model, its file in place."""
        file = self.storage / name / "tiny.gguf"
        subprocess.run([self.setup.make_model, file, *options], check=True, stdout=subprocess.DEVNULL)
        model = self.call("POST", "/models", {"name": name, "storage_path": name, "requires_gpu": False})
        return self.call("POST", "/versions", {"model_id": model["id"], "version": "1.0"})

    def build(self, version: dict, tag: str, **options) -> None:
        build = self.call(
            "POST", "/docker/builds",
            {"version_id": version["id"], "image_tag": tag, "build_args": {"BASE_IMAGE": self.setup.base_image}} | options,
        )
        self.finish(build["operation_id"])

    def deploy(self, version: dict, replicas: int) -> dict:
        deployment = self.call("POST", "/deployments/execute", {"version_id": version["id"], "environment": "bench", "replicas": replicas})
        self.finish(deployment["operation_id"])
        return self.call("GET", f"/deployments/{deployment['id']}")


def remove_image(tag: str) -> None:
    subprocess.run(["docker", "rmi", "--force", tag], check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
