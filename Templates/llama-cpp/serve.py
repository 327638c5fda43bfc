#!/usr/bin/env python3
"""Serves one GGUF model over HTTP with llama.cpp's own server, taken from the Python package xllamacpp.

Settings come from the environment; template.yml beside this file lists them. Exit status: 0 after a stop that was asked
for, the signal's number after a stop while the model was loading, 1 when the settings or the model are at fault.
"""

import ctypes
import math
import os
import re
import signal
import sys
import time
from pathlib import Path

# A file of a model that was split: llama.cpp is given the first and finds the others by itself.
SHARD = re.compile(r"-(\d{5})-of-\d{5}\.gguf$")
# A request leaves the metrics when its last token is made; its last bytes are on their way for a moment longer.
SETTLE_SECONDS = 0.25
LOOK_SECONDS = 0.05


class Refused(Exception):
    """A setting or a model that cannot be served; the message is for the person who reads the log."""


def number(name, default, least):
    text = os.environ.get(name) or str(default)
    try:
        value = int(text)
    except ValueError:
        raise Refused(f"{name} must be a whole number, not {text!r}") from None
    if value < least:
        raise Refused(f"{name} must be {least} or more, not {value}")
    return value


def find_model(path):
    """The file to load: the path itself, or the one model in the folder of that name."""
    if path.is_file():
        return path
    if not path.is_dir():
        raise Refused(f"no model: {path} is neither a file nor a folder (MODEL_PATH names it)")
    files = sorted(file for file in path.rglob("*.gguf") if file.is_file())
    # A projector belongs to a vision model and is no model by itself.
    models = [file for file in files if not file.name.startswith("mmproj")]
    starts = [file for file in models if (shard := SHARD.search(file.name)) is None or int(shard[1]) == 1]
    if not starts:
        found = ", ".join(sorted(file.name for file in path.iterdir())[:10]) or "nothing"
        raise Refused(f"no model: no .gguf file in {path}; there is: {found}")
    if len(starts) > 1:
        names = ", ".join(str(file.relative_to(path)) for file in starts[:10])
        raise Refused(f"{len(starts)} models in {path} ({names}): set MODEL_PATH to the file to serve")
    return starts[0]


def read_words(path):
    try:
        return Path(path).read_text().split()
    except OSError:
        return []


def cpu_quota():
    """The CPUs that the container's cgroup may use: a fraction, or infinity where there is no limit."""
    limits = []
    version2 = read_words("/sys/fs/cgroup/cpu.max")
    if len(version2) == 2 and version2[0] != "max":
        limits.append(int(version2[0]) / int(version2[1]))
    quota = read_words("/sys/fs/cgroup/cpu/cpu.cfs_quota_us")
    period = read_words("/sys/fs/cgroup/cpu/cpu.cfs_period_us")
    if quota and period and int(quota[0]) > 0:
        limits.append(int(quota[0]) / int(period[0]))
    return min(limits, default=math.inf)


def default_threads():
    return max(1, math.ceil(min(len(os.sched_getaffinity(0)), cpu_quota(), 4)))


def parameters(xllamacpp):
    model = find_model(Path(os.environ.get("MODEL_PATH") or "/models"))
    parallel = number("PARALLEL", 4, least=1)
    context = number("CTX", 2048, least=8)
    settings = xllamacpp.CommonParams()
    settings.model.path = str(model)
    settings.model_alias = {os.environ.get("SERVED_MODEL_NAME") or model.stem}
    settings.hostnames = ["0.0.0.0"]
    settings.port = number("PORT", 8000, least=1)
    settings.n_parallel = parallel
    settings.n_ctx = context * parallel  # llama.cpp divides it among the requests
    settings.n_gpu_layers = 0  # the package on PyPI is built for CPUs
    settings.cpuparams.n_threads = number("THREADS", default_threads(), least=1)
    settings.endpoint_metrics = True
    settings.endpoint_slots = True
    settings.ui = False
    # The default lets every web page read the answers. Which origins may is for the gateway in front to say.
    settings.cors_origins = ""
    settings.cors_origins_explicit = True
    settings.cors_credentials = False
    return settings


def stop_at_once_while_loading():
    """Loading holds Python's interpreter lock for as long as it takes, so a Python handler would not run, and process 1
    of a container has no default action. So the C library's own `_exit` is the handler until the model is there."""
    library = ctypes.CDLL(None)
    library.signal.argtypes = [ctypes.c_int, ctypes.c_void_p]
    library.signal.restype = ctypes.c_void_p
    leave = ctypes.cast(library._exit, ctypes.c_void_p)
    for which in (signal.SIGTERM, signal.SIGINT):
        library.signal(which, leave)


def signal_pipe():
    """The reading end of a pipe that a byte comes out of at SIGTERM or SIGINT, whichever thread the signal reaches."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing)
    for which in (signal.SIGTERM, signal.SIGINT):
        signal.signal(which, lambda *_: None)
    return reading


def requests_under_way(server):
    count = 0
    for line in server.handle_metrics().splitlines():
        if line.startswith(("llamacpp:requests_processing ", "llamacpp:requests_deferred ")):
            count += int(float(line.split()[1]))
    return count


def drain(server, seconds):
    """Waits until no request has been under way for a moment, for the given time at most. llama.cpp's server cannot
    stop accepting, so whoever stops it takes it out of routing first."""
    deadline = time.monotonic() + seconds
    idle_since = None
    while (now := time.monotonic()) < deadline:
        if requests_under_way(server):
            idle_since = None
        elif idle_since is None:
            idle_since = now
        elif now - idle_since >= SETTLE_SECONDS:
            return True
        time.sleep(LOOK_SECONDS)
    return False


def serve():
    stop_grace = number("STOP_GRACE", 8, least=0)
    stop_at_once_while_loading()
    import xllamacpp  # 100 MB of machine code: a wrong setting is told before, a stop is heeded meanwhile

    settings = parameters(xllamacpp)
    print(f"loading {settings.model.path} with {settings.cpuparams.n_threads} threads", flush=True)
    try:
        server = xllamacpp.Server(settings)
    except RuntimeError as error:
        raise Refused(f"llama.cpp does not load {settings.model.path}: {error} Its own words are above.") from None
    stop = signal_pipe()
    print(f"listening on {server.listening_address}", flush=True)
    os.read(stop, 1)
    print(f"stopping: waiting up to {stop_grace} s for requests under way", flush=True)
    print("stopped" if drain(server, stop_grace) else "stopped with requests under way", flush=True)
    del server


def main():
    try:
        serve()
    except Refused as refusal:
        sys.exit(f"error: {refusal}")


if __name__ == "__main__":
    main()
