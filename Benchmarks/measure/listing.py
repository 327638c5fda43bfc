"""The list of models under load, and the same from a server written the usual way in Python."""

import http.client
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import load, processes
from .catapult import Server, Setup
from .results import Result
from .scale import whole

MODELS = 1_000
VERSIONS = 5_000
CONNECTIONS = 16
SECONDS = whole(10, 2)
PATH = "/api/v1/models?size=20"
PEER_KEY = "peer.peer-peer-peer"


def measure(setup: Setup) -> Iterator[Result]:
    server = Server(setup, "listing")
    with server.running():
        fill(server)
        ours = load.run(setup.wrk, server.url + PATH, CONNECTIONS, SECONDS, {"X-API-Key": server.key})
        memory = processes.resident_mebibytes(server.process)
    theirs = peer(setup)
    yield Result("list_rate", ours.rate, f"{ours.rate / theirs.rate:.0f} × the peer")
    yield Result("list_p99", ours.p99, f"p50 {ours.p50:.1f} ms; peer p50 {theirs.p50:.0f}, p99 {theirs.p99:.0f} ms")
    yield Result("Peer: FastAPI, SQLAlchemy, SQLite, 1 worker", theirs.rate, "join, group, count; pydantic", "requests/s")
    yield Result("Resident memory after the load", memory, "", "MiB")


def fill(server: Server) -> None:
    """Through the API, four at a time."""

    def make(worker: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        for number in range(worker, MODELS, 4):
            model = server.call(
                "POST", "/models",
                {
                    "name": f"model-{number}", "storage_path": f"models/{number}", "description": "A model of the list measure",
                    "tags": ["chat", "small"], "metadata": {"license": "apache-2.0"}, "requires_gpu": False, "server_type": "llama-cpp",
                },
                connection,
            )
            for version in range(VERSIONS // MODELS):
                server.call("POST", "/versions", {"model_id": model["id"], "version": f"1.{version}"}, connection)
        connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(make, range(4)))
    page = server.call("GET", "/models?size=20")
    assert page["total"] == MODELS and page["items"][0]["version_count"] == VERSIONS // MODELS


def peer(setup: Setup) -> load.Load:
    folder = setup.work / "peer"
    folder.mkdir()
    source = Path(__file__).parent.parent / "peers"
    database, log, port = folder / "registry.sqlite", folder / "peer.log", processes.free_port()
    environment = os.environ | {
        "PYTHONPATH": str(setup.peer_packages), "PYTHONDONTWRITEBYTECODE": "1", "REGISTRY_DATABASE": str(database),
    }
    subprocess.run([sys.executable, source / "registry.py", database, str(MODELS), str(VERSIONS)], check=True, env=environment)
    command = [sys.executable, "-m", "uvicorn", "registry:app", "--port", str(port), "--no-access-log", "--log-level", "warning"]
    with processes.running(command, log, cwd=source, env=environment) as process:
        processes.wait_until_ready(port, process, log)
        return load.run(setup.wrk, f"http://127.0.0.1:{port}{PATH}", CONNECTIONS, SECONDS, {"X-API-Key": PEER_KEY})
