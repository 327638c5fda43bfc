#!/usr/bin/env python3
"""What must hold of a server's data whatever it was asked, or befell it.

    consistency.py DATABASE        looks into a SQLite file; prints what does not hold, and ends with 1 then
"""

import sqlite3
import sys
from collections.abc import Iterator

# What the database keeps counted, and how to count it again.
COUNTED = [
    ("SELECT n FROM counters WHERE name = 'models'", "SELECT count(*) FROM models"),
    ("SELECT n FROM counters WHERE name = 'orphaned_models'", "SELECT count(*) FROM models WHERE source = 'orphaned'"),
    ("SELECT n FROM counters WHERE name = 'versions'", "SELECT count(*) FROM versions"),
    (
        "SELECT 0",
        "SELECT count(*) FROM models m WHERE version_count <> (SELECT count(*) FROM versions v WHERE v.model_id = m.id)",
    ),
]


def problems(url: str, key: str, database: str | None) -> Iterator[str]:
    """In words, one each; none where all is well."""
    # Of the fuzzer's packages; what is asked of a file alone does without.
    import requests

    health = requests.get(f"{url}/health", timeout=20)
    if health.status_code != 200:
        yield f"the server is not well: {health.status_code} {health.text}"
    document = requests.get(f"{url}/api/openapi.json", timeout=20).json()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if operation["operationId"] == "verifyAuditLog":
                answer = requests.request(method, f"{url}{path}", headers={"X-API-Key": key}, timeout=300)
                if answer.status_code != 200 or answer.json().get("ok") is not True:
                    yield f"the audit log does not verify: {answer.status_code} {answer.text[:500]}"
    if database:
        yield from of_database(database)


def of_database(path: str) -> Iterator[str]:
    """SQLite's own checks, and the counters against the rows."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        for (line,) in connection.execute("PRAGMA integrity_check"):
            if line != "ok":
                yield f"integrity_check: {line}"
        for row in connection.execute("PRAGMA foreign_key_check"):
            yield f"foreign_key_check: {row}"
        for kept, counted in COUNTED:
            said, found = connection.execute(kept).fetchone()[0], connection.execute(counted).fetchone()[0]
            if said != found:
                yield f"{kept} is {said}, but {counted} is {found}"
    finally:
        connection.close()


if __name__ == "__main__":
    found = list(of_database(sys.argv[1]))
    print("\n".join(found))
    sys.exit(1 if found else 0)
