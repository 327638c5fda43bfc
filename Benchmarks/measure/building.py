"""Image builds through Catapult, each beside the same `docker build`."""

import os
import shutil
import statistics
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from .catapult import Server, Setup, remove_image
from .processes import written_bytes
from .results import Result
from .scale import whole

PAIRS = whole(5, 1)
MEBIBYTES = 300
# Labels are one more step of a build, after the model's layer; Catapult sets four, a plain `docker build` none.
LABELS = ["--label=one=1", "--label=two=2", "--label=three=3", "--label=four=4"]


def measure(setup: Setup) -> Iterator[Result]:
    server = Server(setup, "building")
    with server.running():
        version = server.register("big", "--pad-mib", str(MEBIBYTES))
        context = make_context(setup, server)
        catapult_build(server, version)
        docker_build(setup, context)
        docker_build(setup, context, *LABELS)
        written, disk = written_bytes(server.process), Watch(server.data)
        ours, theirs, labelled = [], [], []
        for pair in range(PAIRS):
            # The order alternates, so that none always comes after the same other.
            measures = [
                (ours, lambda: catapult_build(server, version)), (theirs, lambda: docker_build(setup, context)),
                (labelled, lambda: docker_build(setup, context, *LABELS)),
            ]
            for times, build in measures if pair % 2 == 0 else reversed(measures):
                times.append(build())
        grown = disk.stop()
        written = (written_bytes(server.process) - written) / PAIRS / 2**20
    ratios = [one / other for one, other in zip(ours, theirs)]
    note = f"{statistics.median(ours):.2f} s and {statistics.median(theirs):.2f} s; ratios {min(ratios):.2f} to {max(ratios):.2f}, {PAIRS} pairs"
    yield Result("build_overhead", statistics.median(ours) / statistics.median(theirs), note)
    with_labels = statistics.median(ours) / statistics.median(labelled)
    yield Result(
        "The same over `docker build` with as many labels as Catapult sets", with_labels, f"{statistics.median(labelled):.2f} s", "ratio")
    yield Result("build_writes", written, f"data directory grew by at most {grown / 2**20:.1f} MiB")


def make_context(setup: Setup, server: Server) -> Path:
    """What Catapult sends, as a folder; the model is linked, not copied."""
    context = server.folder / "context"
    context.mkdir()
    for name in ("Dockerfile", "serve.py"):
        shutil.copy(setup.templates / "llama-cpp" / name, context)
    (context / "model").mkdir()
    os.link(server.storage / "big" / "tiny.gguf", context / "model" / "tiny.gguf")
    return context


def catapult_build(server: Server, version: dict) -> float:
    return timed("catapult-bench-ours:1", lambda tag: server.build(version, tag, no_cache=True))


def docker_build(setup: Setup, context: Path, *options: str) -> float:
    command = ["docker", "build", "--quiet", "--no-cache", "--build-arg", f"BASE_IMAGE={setup.base_image}", "--build-arg", "MODEL_NAME=big"]
    environment = os.environ | {"DOCKER_BUILDKIT": "0"}

    def build(tag: str) -> None:
        subprocess.run([*command, *options, "--tag", tag, context], check=True, capture_output=True, env=environment)

    return timed("catapult-bench-theirs:1", build)


def timed(tag: str, build) -> float:
    start = time.perf_counter()
    try:
        build(tag)
        return time.perf_counter() - start
    finally:
        remove_image(tag)
        # What the last build left to be written must not be in the time of the next.
        os.sync()


class Watch:
    """The largest size that a folder comes to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.start = self.largest = self.size()
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self.look)
        self.thread.start()

    def size(self) -> int:
        return sum(file.stat().st_size for file in self.folder.rglob("*") if file.is_file())

    def look(self) -> None:
        while not self.is_over.wait(0.05):
            self.largest = max(self.largest, self.size())

    def stop(self) -> int:
        self.is_over.set()
        self.thread.join()
        return self.largest - self.start
