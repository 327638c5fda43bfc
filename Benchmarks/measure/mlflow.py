"""The registry of MLflow beside ours: the same number of models, asked for a page and for one, and what each takes while idle."""

import http.client
import json
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from . import databases, load, processes, seeding
from .catapult import Server, Setup
from .results import Result
from .scale import whole

MODELS = whole(1_000, 200)
CONNECTIONS = 16
SECONDS = whole(5, 2)
ROUNDS = whole(3, 1)
API = "/api/2.0/mlflow/registered-models"


def measure(setup: Setup) -> Iterator[Result]:
    server = Server(setup, "beside-mlflow")
    with server.running():
        pass
    seeding.fill(databases.SQLite(server.data), MODELS * seeding.VERSIONS_PER_MODEL)
    folder = setup.work / "mlflow"
    folder.mkdir()
    port, log = processes.free_port(), folder / "mlflow.log"
    environment = os.environ | {"PYTHONPATH": os.environ["BENCH_MLFLOW_PACKAGES"], "PYTHONDONTWRITEBYTECODE": "1", "MLFLOW_DISABLE_TELEMETRY": "true"}
    command = [
        sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--backend-store-uri",
        f"sqlite:///{folder}/mlflow.sqlite", "--default-artifact-root", str(folder / "artifacts"),
    ]
    with server.running(), processes.running(command, log, cwd=folder, env=environment, start_new_session=True) as theirs:
        processes.wait_until_ready(port, theirs, log, seconds=120)
        # A server that just began may still be loading.
        time.sleep(10)
        idle = processes.proportional_mebibytes(server.process), processes.proportional_mebibytes(theirs)
        fill(port)
        ours = f"{server.url}/api/v1/models"
        base = f"http://127.0.0.1:{port}{API}"
        name = seeding.model_name(MODELS // 2)
        pairs = {
            "list": ([f"{ours}?size=20"], [f"{base}/search?max_results=20"]),
            "get": ([f"{ours}/{name.replace('/', '%2F')}"], [f"{base}/get?name={name.replace('/', '-')}"]),
        }
        rates: dict[str, list[tuple[float, float]]] = {question: [] for question in pairs}
        # In turns, so that both meet the same machine.
        for _ in range(ROUNDS):
            for question, (mine, other) in pairs.items():
                rates[question].append(
                    (load.run(setup.wrk, mine[0], CONNECTIONS, SECONDS, {"X-API-Key": server.key}).rate, load.run(setup.wrk, other[0], CONNECTIONS, SECONDS).rate)
                )
    for question, taken in rates.items():
        ratios = sorted(one / other for one, other in taken)
        note = f"{taken[-1][0]:,.0f}/s and {taken[-1][1]:,.0f}/s; ratios {ratios[0]:.0f} to {ratios[-1]:.0f}, {ROUNDS} rounds"
        yield Result(f"mlflow_{question}", ratios[len(ratios) // 2], note)
    yield Result("mlflow_idle", idle[1] / idle[0], f"{idle[0]:.0f} MiB and {idle[1]:,.0f} MiB (PSS, with all processes)")


def fill(port: int) -> None:
    """The same names as ours, but for the slash, which MLflow refuses; through its API, four at a time."""

    def make(worker: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        for number in range(worker, MODELS, 4):
            body = {"name": seeding.model_name(number).replace("/", "-"), "description": "A model", "tags": [{"key": "task", "value": "chat"}]}
            connection.request("POST", f"{API}/create", json.dumps(body), {"Content-Type": "application/json"})
            response = connection.getresponse()
            text = response.read()
            if response.status != 200:
                raise processes.Failure(f"MLflow: {response.status} {text.decode()[:300]}")
        connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(make, range(4)))
