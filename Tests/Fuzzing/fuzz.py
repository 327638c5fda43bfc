#!/usr/bin/env python3
"""Asks a Catapult server what its own OpenAPI document allows and forbids, thousands of times, and reads every answer.

    fuzz.py --url URL --key KEY [--database FILE] [--examples N] [--seconds S] [--seed N] [--workers N] [--only NAME...]

The key is an admin's, and the server is thrown away afterwards: whatever can be deleted is deleted. Each operation gets N requests
that schemathesis draws from the document. Six of ten obey it, with ids of things that exist; three break it; one has bytes that are
no longer what was drawn. Where there is a JSON body, of sixteen requests one is drawn so; the other fifteen are like it but for one
to three changes, and nobody says whether they are right. An answer is wrong that

  - does not come within 20 seconds, or is a 500,
  - has a status that the document does not name for the operation, a media type that it does not name, or another shape,
  - refuses as ill-formed (422) what the document allows, or takes what the document forbids (of what was drawn).

At the end SQLite's own checks and the counters of the database must hold, and the chain of the audit log.

Exit status: 0 nothing was found; 1 something was.
"""

import argparse
import multiprocessing
import queue
import random
import sys
import time
from collections.abc import Iterator

import hypothesis
import requests
import schemathesis
from hypothesis import HealthCheck, Phase
from schemathesis import GenerationMode
from schemathesis.config import GenerationConfig, SchemathesisConfig

import consistency
import varied
from exchange import Exchange, Finding
from known import Known, fixtures

# Of ten requests, how many of which kind.
KINDS = ["obeying"] * 6 + ["breaking"] * 3 + ["spoiled"]
# How many variations of each drawn body are sent.
VARIATIONS = 15


def operations(document: dict) -> dict[str, schemathesis.APIOperation]:
    """The operations by their id, older paths left out: those are the same code."""
    config = SchemathesisConfig()
    config.projects.default.generation = GenerationConfig(with_security_parameters=False, allow_x00=False)
    schema = schemathesis.openapi.from_dict(document, config=config)
    found = (result.ok() for result in schema.get_all_operations())
    return {one.definition.raw["operationId"]: one for one in found if not one.definition.raw.get("deprecated")}


def in_order(all_operations: dict[str, schemathesis.APIOperation]) -> list[str]:
    """First what makes things, last what takes them away."""
    methods = {"POST": 0, "PUT": 1, "GET": 2, "HEAD": 3, "DELETE": 4}
    return sorted(all_operations, key=lambda name: (methods.get(all_operations[name].method.upper(), 2), name))


def fuzz(operation: schemathesis.APIOperation, exchange: Exchange, examples: int, until: float, seed: int) -> int:
    """Sends the requests of one operation, and says how many."""
    sent = 0
    has_input = bool(operation.body or operation.query or operation.path_parameters)
    # Without anything to vary there is nothing to repeat.
    shares = {kind: KINDS.count(kind) for kind in KINDS} if has_input else {"obeying": 1}
    has_body = any(body.media_type == "application/json" for body in operation.body)
    variations = VARIATIONS if has_body and examples > VARIATIONS else 0
    for kind, share in shares.items():
        mode = GenerationMode.NEGATIVE if kind == "breaking" else GenerationMode.POSITIVE
        count = max(1, examples * share // len(KINDS) // (variations + 1)) if has_input else 3
        started = time.monotonic()
        allowed = (until - started) * share / sum(shares.values())

        @hypothesis.seed(seed)
        @hypothesis.settings(
            max_examples=count, deadline=None, database=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate], print_blob=False
        )
        @hypothesis.given(operation.as_strategy(generation_mode=mode), hypothesis.strategies.integers(0, 2**64))
        def one(case: schemathesis.Case, number: int) -> None:
            nonlocal sent
            if time.monotonic() - started > allowed:
                return
            sent += 1
            dice = random.Random(number)
            exchange.send(case, kind, dice)
            if isinstance(case.body, dict | list):
                for _ in range(variations):
                    if time.monotonic() - started > allowed:
                        return
                    sent += 1
                    exchange.send_body(case, varied.body(case.body, dice))

        try:
            one()
        except hypothesis.errors.Unsatisfiable:
            # Nothing can break an operation whose every input is free.
            pass
    return sent


def work(options: argparse.Namespace, document: dict, names: "multiprocessing.Queue[str]", results: "multiprocessing.Queue") -> None:
    """One worker: operation after operation."""
    all_operations = operations(document)
    exchange = Exchange(options.url, options.key, Known(document))
    fixtures(exchange.known, options.url, options.key)
    end = time.monotonic() + options.seconds if options.seconds else float("inf")
    while True:
        try:
            name = names.get_nowait()
        except queue.Empty:
            break
        share = (end - time.monotonic()) / (names.qsize() / options.workers + 1)
        try:
            sent = fuzz(all_operations[name], exchange, options.examples, time.monotonic() + min(share, 86_400), options.seed)
            results.put((name, sent, dict(exchange.statuses), exchange.take()))
        except Exception as problem:  # noqa: BLE001 - whatever stops an operation is told, and the next one goes on
            results.put((name, 0, {}, [Finding(name, "the fuzzer itself", f"{type(problem).__name__}: {problem}", "")]))
        exchange.statuses.clear()
    results.put(None)


def answers(options: argparse.Namespace, document: dict, names: list[str]) -> Iterator[tuple[str, int, dict[int, int], list[Finding]]]:
    context = multiprocessing.get_context("fork")
    waiting, results = context.Queue(), context.Queue()
    for name in names:
        waiting.put(name)
    # The queue's feeder is another thread: a worker must not see it empty before all are in.
    while waiting.qsize() < len(names):
        time.sleep(0.01)
    workers = [context.Process(target=work, args=(options, document, waiting, results)) for _ in range(options.workers)]
    for worker in workers:
        worker.start()
    left = len(workers)
    while left:
        try:
            result = results.get(timeout=5)
        except queue.Empty:
            if not any(worker.is_alive() for worker in workers):
                raise SystemExit("a worker ended before its time") from None
            continue
        if result is None:
            left -= 1
        else:
            yield result
    for worker in workers:
        worker.join()


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--database", help="the server's SQLite file, to be looked into at the end")
    parser.add_argument("--examples", type=int, default=10_000, help="requests per operation")
    parser.add_argument("--seconds", type=float, help="limit of the whole run; operations share it")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", nargs="*", help="names of operations")
    options = parser.parse_args()

    document = requests.get(f"{options.url}/api/openapi.json", timeout=30).json()
    names = in_order(operations(document))
    unknown = set(options.only or []) - set(names)
    if unknown:
        parser.error(f"no such operation: {', '.join(sorted(unknown))}")
    names = [name for name in names if not options.only or name in options.only]

    findings: list[Finding] = []
    total = 0
    started = time.monotonic()
    for name, sent, statuses, found in answers(options, document, names):
        total += sent
        findings += found
        seen = ", ".join(f"{count} × {status}" for status, count in sorted(statuses.items()))
        print(f"{name}: {sent} requests: {seen}", flush=True)
        for finding in found:
            print(f"  FOUND {finding}", flush=True)
    for problem in consistency.problems(options.url, options.key, options.database):
        findings.append(Finding("afterwards", "consistency", problem, ""))
        print(f"FOUND {problem}")
    print(f"{total} requests of {len(names)} operations in {time.monotonic() - started:.0f} s, seed {options.seed}: {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
