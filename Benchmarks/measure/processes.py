"""Processes that a measure starts, and what the kernel says of them."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path


class Failure(Exception):
    """A measure that could not be taken, in one sentence."""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextlib.contextmanager
def running(command: list[str], log: Path, **options) -> Iterator[subprocess.Popen]:
    """A process that is ended with SIGTERM, and after 40 s with SIGKILL, when the block ends; with `start_new_session` its group too."""
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, **options)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(40)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if options.get("start_new_session"):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def timed(action: Callable[[], object]) -> float:
    """Seconds that something takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def answers(port: int, path: str) -> bool:
    """Whether a GET is answered with 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def wait_until_ready(port: int, process: subprocess.Popen, log: Path, path: str = "/health", seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not answers(port, path):
        if process.poll() is not None or time.monotonic() > end:
            raise Failure(f"{process.args[0]} does not answer on port {port}: {log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.001)


def resident_mebibytes(process: subprocess.Popen) -> float:
    """VmRSS of /proc/PID/status."""
    for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise Failure(f"process {process.pid} is gone")


def family(process: subprocess.Popen) -> list[int]:
    """The process and all that it started, and they."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found = [process.pid]
    for one in found:
        found += children.get(one, [])
    return found


def proportional_mebibytes(process: subprocess.Popen) -> float:
    """The PSS of the process and all that it started: what they share is counted once."""
    total = 0
    for one in family(process):
        with contextlib.suppress(OSError):
            rollup = Path(f"/proc/{one}/smaps_rollup").read_text()
            total += sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    return total / 1024


def forget_peak(process: subprocess.Popen) -> None:
    """Sets the peak of resident memory back to what it is now (/proc/PID/clear_refs, 5)."""
    Path(f"/proc/{process.pid}/clear_refs").write_text("5")


def peak_mebibytes(process: subprocess.Popen) -> float:
    """VmHWM of /proc/PID/status."""
    for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise Failure(f"process {process.pid} is gone")


def cpu_seconds(process: subprocess.Popen) -> float:
    """User and system time of /proc/PID/stat, threads that have ended included; in steps of a clock tick, usually 10 ms."""
    # The second field is the name in parentheses and may hold spaces.
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def written_bytes(process: subprocess.Popen) -> int:
    """What the process made the kernel write to disk (write_bytes of /proc/PID/io)."""
    for line in Path(f"/proc/{process.pid}/io").read_text().splitlines():
        if line.startswith("write_bytes:"):
            return int(line.split()[1])
    raise Failure(f"process {process.pid} is gone")
