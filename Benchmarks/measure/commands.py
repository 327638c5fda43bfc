"""The command line tool, from fork to exit."""

import os
import statistics
import subprocess
import time
from collections.abc import Iterator

from .catapult import Server, Setup
from .results import Result
from .scale import whole

RUNS = whole(20, 5)


def measure(setup: Setup) -> Iterator[Result]:
    server = Server(setup, "commands")
    with server.running():
        for number in range(20):
            server.call("POST", "/models", {"name": f"model-{number}", "storage_path": f"models/{number}"})
        environment = {"PATH": os.environ["PATH"], "HOME": str(server.folder), "REGISTRY_URL": server.url, "REGISTRY_API_KEY": server.key}
        times = [timed([setup.binaries / "mcp", "model", "list"], environment) for _ in range(RUNS + 2)][2:]
        alone = [timed([setup.binaries / "mcp", "--version"], environment) for _ in range(RUNS)]
    yield Result("command_list", statistics.median(times), f"worst of {RUNS}: {max(times):.0f} ms")
    yield Result("`mcp --version`, median", statistics.median(alone), "", "ms")


def timed(command: list, environment: dict[str, str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - start) * 1000
