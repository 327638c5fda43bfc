"""Registries of a thousand to a million versions under load, on both databases: what each question costs, and how that grows."""

import os
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

from . import charts, databases, load, processes, seeding
from .catapult import Server, Setup
from .results import Result, Table
from .scale import whole

SIZES = [int(size) for size in os.environ.get("BENCH_SIZES", whole("1000,10000,100000,1000000", "1000,10000")).split(",")]
CONNECTIONS = 16
SECONDS = whole(2, 1)
# Paths that a load goes through; different things each, so that no one row is always at hand.
PATHS = 500
SERVED_PAGE = 20


@dataclass(frozen=True)
class Question:
    """What is asked, as paths for a registry of a size."""

    title: str
    paths: Callable[[Server, int], list[str]]


def _numbers(count: int) -> list[int]:
    dice = random.Random(count)
    return [dice.randrange(count) for _ in range(PATHS)]


def _of_models(form: Callable[[int], str]) -> Callable[[Server, int], list[str]]:
    return lambda _, versions: [form(number) for number in _numbers(versions // seeding.VERSIONS_PER_MODEL)]


def _of_versions(form: Callable[[int], str]) -> Callable[[Server, int], list[str]]:
    return lambda _, versions: [form(number) for number in _numbers(versions)]


def _same(path: str) -> Callable[[Server, int], list[str]]:
    return lambda *_: [path]


def _name(number: int) -> str:
    return quote(seeding.model_name(number), safe="")


def _page_by_cursor(page: int) -> Callable[[Server, int], list[str]]:
    """Page `page` of all versions, or the last one where there are fewer."""

    def paths(server: Server, versions: int) -> list[str]:
        before = min(page, versions // SERVED_PAGE) - 1
        if before < 1:
            return [f"/versions?size={SERVED_PAGE}"]
        cursor = server.call("GET", f"/versions?page={before}&size={SERVED_PAGE}")["next_cursor"]
        return [f"/versions?size={SERVED_PAGE}&cursor={cursor}"]

    return paths


QUESTIONS = [
    Question("list models", _same("/models?size=20")),
    Question("list versions, page 1", _same(f"/versions?size={SERVED_PAGE}")),
    Question("list versions, page 10,000 by cursor", _page_by_cursor(10_000)),
    Question("models by server type", lambda *_: [f"/models?size=20&server_type={name}" for name in seeding.SERVER_TYPES]),
    Question("models by part of a name", _of_models(lambda number: f"/models?size=20&search=model-{number}")),
    Question("versions of a model", _of_models(lambda number: f"/versions?size=20&model_name={_name(number)}")),
    Question("versions that are releases", _same("/versions?size=20&is_release=true")),
    Question("versions by name and status", _same("/versions?size=20&version=1.3&status=active")),
    Question("model by id", _of_models(lambda number: f"/models/{seeding.uuid(1, number)}")),
    Question("model by name", _of_models(lambda number: f"/models/{_name(number)}")),
    Question("version by id", _of_versions(lambda number: f"/versions/{seeding.uuid(2, number)}")),
    Question("latest version of a model", _of_models(lambda number: f"/versions/latest?model_name={_name(number)}")),
    Question("search for a name", _of_models(lambda number: f"/search?q=model-{number}&limit=20")),
    Question("search for a common word", lambda *_: [f"/search?q={task}&limit=20" for task in seeding.TASKS]),
    Question("search by fields", lambda *_: [f"/search?q={quote(f'tag:{task} server_type:vllm params>30B')}&limit=20" for task in seeding.TASKS]),
]
FIRST_PAGE, LATE_PAGE = QUESTIONS[1], QUESTIONS[2]


def measure(setup: Setup) -> Iterator[Result | Table]:
    with databases.cluster() as url:
        for kind in ("sqlite", "postgresql"):
            taken: dict[int, Taken] = {}
            for versions in SIZES:
                taken[versions], title = one_size(setup, kind, url, versions)
            yield from of_database(kind, title, taken)


@dataclass
class Taken:
    """What one size gave: loads by question, and the seconds that it took to make the rows and to index them."""

    loads: dict[str, load.Load]
    seeding: float
    indexing: float


def until_indexed(database: databases.SQLite | databases.PostgreSQL) -> None:
    end = time.monotonic() + 900
    while database.number("SELECT count(*) FROM search_queue") > 0:
        if time.monotonic() > end:
            raise processes.Failure("the search index is not complete after 15 minutes")
        time.sleep(0.5)


def one_size(setup: Setup, kind: str, url: str, versions: int) -> tuple[Taken, str]:
    server = Server(setup, f"registry-{kind}-{versions}")
    database = databases.SQLite(server.data) if kind == "sqlite" else databases.PostgreSQL(url, f"bench_{versions}")
    # The first run makes the schema.
    with server.running(*database.options):
        pass
    seconds = processes.timed(lambda: seeding.fill(database, versions))
    with server.running(*database.options):
        found = server.call("GET", "/versions?size=1")
        if found["total"] != versions:
            raise processes.Failure(f"{found['total']} versions are there, not {versions}")
        # What came in behind the server's back is made searchable in the background.
        indexed = processes.timed(lambda: until_indexed(database))
        loads = {question.title: ask(setup, server, question, versions) for question in QUESTIONS}
    server.remove()
    database.remove()
    return Taken(loads, seconds, indexed), database.title


def ask(setup: Setup, server: Server, question: Question, versions: int) -> load.Load:
    paths = [f"/api/v1{path}" for path in question.paths(server, versions)]
    return load.run(setup.wrk, server.url, CONNECTIONS, SECONDS, {"X-API-Key": server.key}, paths=paths, work=server.folder)


def of_database(kind: str, title: str, taken: dict[int, Taken]) -> Iterator[Result | Table]:
    least, most = taken[SIZES[0]].loads, taken[SIZES[-1]].loads
    slowest = max(QUESTIONS, key=lambda question: most[question.title].p99)
    yield Result(f"registry_p99_{kind}", most[slowest.title].p99, f"{slowest.title}; worst of {len(QUESTIONS)} questions")
    late, first = most[LATE_PAGE.title], most[FIRST_PAGE.title]
    yield Result(f"registry_page_{kind}", late.p50 / first.p50, f"p50 {late.p50:.2f} and {first.p50:.2f} ms")
    growth = {question: most[question.title].p50 / least[question.title].p50 for question in QUESTIONS}
    worst = max(QUESTIONS, key=lambda question: growth[question])
    yield Result(f"registry_growth_{kind}", growth[worst], f"{worst.title}; the logarithm doubles")
    rows = []
    for question in QUESTIONS:
        loads = [taken[size].loads[question.title] for size in SIZES]
        rows.append([question.title, *(f"{one.p50:.2f} / {one.p99:.2f}" for one in loads)])
    rows.append(["(rows made by SQL, s)", *(f"{taken[size].seeding:.1f}" for size in SIZES)])
    rows.append(["(and indexed for search, s)", *(f"{taken[size].indexing:.1f}" for size in SIZES)])
    heading = f"{title}: milliseconds p50 / p99, {CONNECTIONS} connections, by number of versions (a tenth as many models)"
    series = {question.title: [taken[size].loads[question.title].p50 for size in SIZES] for question in QUESTIONS}
    yield Table(heading, ["question", *(f"{size:,}" for size in SIZES)], rows, charts.curve(heading, SIZES, series), f"registry-{kind}.svg")
