"""The two databases of a server: where they lie, and SQL that is run on them while no server is there."""

import contextlib
import os
import pwd
import shutil
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from . import processes

# What a team would set: shared memory of a small server, the rest as it comes.
POSTGRESQL_SETTINGS = ["shared_buffers=512MB", "listen_addresses=127.0.0.1", "max_wal_size=4GB"]


class SQLite:
    """The file in a server's data directory."""

    title = "SQLite"

    def __init__(self, data: Path) -> None:
        self.file = data / "catapult.sqlite"
        self.options: list[str] = []

    def run(self, statements: list[str]) -> None:
        connection = sqlite3.connect(self.file, isolation_level=None)
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("BEGIN")
        for statement in statements:
            connection.execute(statement)
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()

    def number(self, query: str) -> int:
        connection = sqlite3.connect(f"file:{self.file}?mode=ro", uri=True)
        try:
            return connection.execute(query).fetchone()[0]
        finally:
            connection.close()

    def settle(self) -> None:
        """Nothing that a server would not do itself."""

    def remove(self) -> None:
        """It goes with the server's folder."""


class PostgreSQL:
    """A database of its own in a running cluster."""

    title = "PostgreSQL"

    def __init__(self, url: str, name: str) -> None:
        self.root = url
        self.url = f"{url.rpartition('/')[0]}/{name}"
        self.options = ["--database-url", self.url]
        self._psql(self.root, f'DROP DATABASE IF EXISTS "{name}"')
        self._psql(self.root, f'CREATE DATABASE "{name}"')

    def run(self, statements: list[str]) -> None:
        self._psql(self.url, "BEGIN; SET LOCAL synchronous_commit = off; " + "; ".join(statements) + "; COMMIT")

    def settle(self) -> None:
        """What autovacuum does some minutes after such a load."""
        self._psql(self.url, "VACUUM ANALYZE")
        self._psql(self.url, "CHECKPOINT")

    def number(self, query: str) -> int:
        return int(self._psql(self.url, query))

    def remove(self) -> None:
        """Gives back the room on the disk."""
        self._psql(self.root, f'DROP DATABASE "{self.url.rpartition("/")[2]}" WITH (FORCE)')

    @staticmethod
    def _psql(url: str, sql: str) -> str:
        command = ["psql", "--quiet", "--no-psqlrc", "--tuples-only", "--set=ON_ERROR_STOP=1", "--dbname", url]
        # One statement after another as psql reads them, since some forbid a transaction around them.
        done = subprocess.run(command, input=sql, capture_output=True, text=True)
        if done.returncode != 0:
            raise processes.Failure(f"psql: {done.stderr.strip()[:2000]}")
        return done.stdout


@contextlib.contextmanager
def cluster() -> Iterator[str]:
    """A throw-away PostgreSQL; the URL of its first database. BENCH_POSTGRES names a running one instead."""
    given = os.environ.get("BENCH_POSTGRES")
    if given:
        yield given
        return
    binaries = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), default=None)
    if binaries is None:
        raise processes.Failure("there is no PostgreSQL server here (package postgresql)")
    # It refuses to run as root.
    user = "postgres" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="catapult-bench-pg-"))
    port, url = processes.free_port(), "postgresql://catapult@127.0.0.1:{}/postgres"
    try:
        if user:
            account = pwd.getpwnam(user)
            os.chown(folder, account.pw_uid, account.pw_gid)
        initdb = [str(binaries / "initdb"), "--pgdata", str(folder / "data"), "--auth", "trust", "--username", "catapult", "--encoding", "UTF8"]
        subprocess.run(initdb, check=True, capture_output=True, user=user, cwd=folder)
        settings = [f"port={port}", f"unix_socket_directories={folder}", *POSTGRESQL_SETTINGS]
        server = [str(binaries / "postgres"), "-D", str(folder / "data"), *(part for setting in settings for part in ("-c", setting))]
        log = folder.with_suffix(".log")
        with processes.running(server, log, user=user, cwd=folder):
            ready = [str(binaries / "pg_isready"), "--quiet", "--host", "127.0.0.1", "--port", str(port)]
            end = time.monotonic() + 30
            while subprocess.run(ready).returncode != 0:
                if time.monotonic() > end:
                    raise processes.Failure(f"PostgreSQL does not start: {log.read_text()[-1000:]}")
                time.sleep(0.1)
            yield url.format(port)
        log.unlink()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
