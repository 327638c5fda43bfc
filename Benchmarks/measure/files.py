"""Files through the server and into it: hashing beside `openssl dgst`, downloads beside nginx with sendfile, and the memory they take."""

import json
import os
import shutil
import statistics
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from . import processes
from .catapult import Server, Setup
from .results import Result
from .scale import whole

MEBIBYTE = 1 << 20
# Of the files that are timed, and of the one whose passing is watched.
SIZE = whole(1 << 30, 128 * MEBIBYTE)
LARGE = whole(4 << 30, 512 * MEBIBYTE)
ROUNDS = whole(5, 2)

NGINX = """
daemon off;
worker_processes auto;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{ listen 127.0.0.1:{port}; root {root}; }}
}}
"""


def measure(setup: Setup) -> Iterator[Result]:
    server = Server(setup, "files")
    with server.running():
        one, two = server.storage / "one", server.storage / "two"
        write(one / "a.bin", SIZE, seed=1)
        for number in (1, 2):
            write(two / f"{number}.bin", SIZE // 2, seed=1 + number)
        yield from in_place(setup, server, one, two)
        yield from uploads(server, one / "a.bin")
        yield from downloads(setup, server, one / "a.bin")
        yield from memory(server)
    server.remove()


def write(path: Path, size: int, seed: int) -> None:
    """A file that no compression and no hole makes smaller, in the page cache and on the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    block = os.urandom(MEBIBYTE)
    with path.open("wb") as file:
        for number in range(size // MEBIBYTE):
            file.write((seed << 32 | number).to_bytes(8, "big") + block[8:])
        file.flush()
        os.fsync(file.fileno())


def compare(name: str, ours: Callable[[int], float], theirs: Callable[[], float], size: int, other: str) -> Result:
    """Our speed over that of a peer, in turns; the median of the rounds."""
    ratios, times = [], []
    for number in range(ROUNDS):
        reference, mine = theirs(), ours(number)
        ratios.append(reference / mine)
        times.append((mine, reference))
    mine, reference = (size / MEBIBYTE / statistics.median(pair) for pair in zip(*times))
    note = f"{mine:,.0f} MiB/s, {other} {reference:,.0f}; ratios {min(ratios):.2f} to {max(ratios):.2f}, {ROUNDS} rounds"
    return Result(name, statistics.median(ratios), note)


def openssl(*paths: Path) -> float:
    """Seconds that `openssl dgst -sha256` takes, a process a file, all at once."""

    def all_at_once() -> None:
        running = [subprocess.Popen(["openssl", "dgst", "-sha256", str(path)], stdout=subprocess.DEVNULL) for path in paths]
        if any(process.wait() != 0 for process in running):
            raise processes.Failure("openssl dgst failed")

    return processes.timed(all_at_once)


def in_place(setup: Setup, server: Server, one: Path, two: Path) -> Iterator[Result]:
    environment = os.environ | {"REGISTRY_URL": server.url, "REGISTRY_API_KEY": server.key}

    def command(folder: Path) -> Callable[[int], float]:
        def register(number: int) -> float:
            words = [
                str(setup.binaries / "mcp"), "model", "register", "--quiet", "--name", f"files/{folder.name}", "--path", str(folder),
                "--version", f"1.{number}",
            ]
            return processes.timed(lambda: subprocess.run(words, check=True, env=environment, stdout=subprocess.DEVNULL))

        return register

    yield compare("register_one", command(one), lambda: openssl(one / "a.bin"), SIZE, "openssl")
    files = [two / "1.bin", two / "2.bin"]
    yield compare("register_two", command(two), lambda: openssl(*files), SIZE, "two openssl")

    def by_server(number: int) -> float:
        # Another name for the same bytes: what a server has read it need not read again.
        os.link(one / "a.bin", one / f"named-{number}.bin")
        body = {"file_path": f"one/named-{number}.bin", "name": f"in-place-{number}.bin"}
        return processes.timed(lambda: server.call("POST", "/artifacts/register", body))

    yield compare("register_server", by_server, lambda: openssl(one / "a.bin"), SIZE, "openssl")


def send(server: Server, file: Path, name: str) -> str:
    """Uploads a file as it stands, as curl does, and gives the artifact's id."""
    command = [
        "curl", "--silent", "--show-error", "--fail", "--request", "POST", "--upload-file", str(file), "--header", f"X-API-Key: {server.key}",
        "--header", "Content-Type: application/octet-stream", f"{server.url}/api/v1/artifacts/upload?name={name}",
    ]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["id"]


def uploads(server: Server, file: Path) -> Iterator[Result]:
    def upload(number: int) -> float:
        # Other bytes each time: what the server has it would not keep again.
        with file.open("r+b") as opened:
            opened.write(f"round {number:9}".encode())
            os.fsync(opened.fileno())
        return processes.timed(lambda: send(server, file, f"upload-{number}.bin"))

    yield compare("upload", upload, lambda: openssl(file), SIZE, "openssl")


def fetch(url: str, *headers: str) -> float:
    options = [word for header in headers for word in ("--header", header)]
    return processes.timed(lambda: subprocess.run(["curl", "--silent", "--show-error", "--fail", "--output", "/dev/null", *options, url], check=True))


def downloads(setup: Setup, server: Server, file: Path) -> Iterator[Result]:
    artifact = send(server, file, "download.bin")
    folder = setup.work / "nginx-files"
    folder.mkdir()
    port = processes.free_port()
    (folder / "public").mkdir()
    (folder / "empty").write_text("")
    # A link would be another inode's path, and the workers of nginx are not root.
    shutil.copyfile(file, folder / "public" / "download.bin")
    for path in (setup.work, folder, folder / "public"):
        path.chmod(0o755)
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, root=folder / "public", port=port))
    command = [setup.nginx, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
    with processes.running(command, folder / "nginx.log") as process:
        (folder / "public" / "health").write_text("")
        processes.wait_until_ready(port, process, folder / "error.log")
        ours = f"{server.url}/api/v1/artifacts/{artifact}/download"
        theirs = f"http://127.0.0.1:{port}/download.bin"
        key = f"X-API-Key: {server.key}"
        # Both once, so that both files are in the page cache.
        fetch(ours, key)
        fetch(theirs)
        yield compare("download", lambda _: fetch(ours, key), lambda: fetch(theirs), SIZE, "nginx")
    shutil.rmtree(folder)


def memory(server: Server) -> Iterator[Result]:
    """The most that the server takes while one file goes in, is registered in place and comes out, above what it took before."""
    file = server.storage / "large" / "zeros.bin"
    file.parent.mkdir()
    with file.open("wb") as opened:
        opened.truncate(LARGE)
    before = processes.resident_mebibytes(server.process)
    peaks = {}
    processes.forget_peak(server.process)
    artifact = send(server, file, "large.bin")
    peaks["in"] = processes.peak_mebibytes(server.process) - before
    processes.forget_peak(server.process)
    fetch(f"{server.url}/api/v1/artifacts/{artifact}/download", f"X-API-Key: {server.key}")
    peaks["out"] = processes.peak_mebibytes(server.process) - before
    processes.forget_peak(server.process)
    server.call("POST", "/artifacts/register", {"file_path": "large/zeros.bin", "name": "large-in-place.bin"})
    peaks["in place"] = processes.peak_mebibytes(server.process) - before
    note = ", ".join(f"{how} {more:.1f}" for how, more in peaks.items())
    yield Result("large_memory", max(peaks.values()), f"above {before:.0f} MiB; {note}; {LARGE >> 30 or 0.5} GiB")
