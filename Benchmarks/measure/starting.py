"""From exec to the first answer."""

import statistics
import time
from collections.abc import Iterator

from .catapult import Server, Setup
from .results import Result
from .scale import whole

RUNS = whole(10, 3)


def measure(setup: Setup) -> Iterator[Result]:
    first, again = [], []
    for run in range(RUNS):
        server = Server(setup, f"starting-{run}")
        for times in (first, again):
            start = time.perf_counter()
            with server.running():
                times.append((time.perf_counter() - start) * 1000)
    yield Result("server_ready", statistics.median(again), f"worst of {RUNS}: {max(again):.0f} ms")
    yield Result("The same, first start on an empty data directory", statistics.median(first), f"worst {max(first):.0f} ms", "ms")
