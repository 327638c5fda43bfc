"""What a server takes that only watches ten replicas."""

import time
from collections.abc import Iterator

from .catapult import Server, Setup, remove_image
from .processes import cpu_seconds, resident_mebibytes
from .results import Result
from .scale import whole

REPLICAS = 10
SECONDS = whole(30, 5)


def measure(setup: Setup) -> Iterator[Result]:
    tag = "catapult-bench-idle:1"
    server = Server(setup, "idling")
    with server.running():
        before = resident_mebibytes(server.process)
        try:
            version = server.register("idle")
            server.build(version, tag)
            deployment = server.deploy(version, REPLICAS)
            assert deployment["ready_replicas"] == REPLICAS
            time.sleep(5)
            start, used = time.monotonic(), cpu_seconds(server.process)
            time.sleep(SECONDS)
            share = (cpu_seconds(server.process) - used) / (time.monotonic() - start) * 100
            memory = resident_mebibytes(server.process)
        finally:
            for deployment in server.call("GET", "/deployments")["items"]:
                server.call("DELETE", f"/deployments/{deployment['id']}")
            remove_image(tag)
    yield Result("idle_memory", memory, f"{before:.1f} MiB just after its start")
    yield Result("idle_cpu", share, f"over {SECONDS} s")
