#!/usr/bin/env python3
"""What must hold of a server's data whatever it was asked, or befell it.

    consistency.py DATABASE        looks into a SQLite file, or into the PostgreSQL database of a URL; prints what does not hold, and ends
                                   with 1 then
"""

import csv
import io
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator

# What is to be empty: rows that contradict the tables which they are made from.
CONTRADICTIONS = {
    "counted rows": """
        SELECT c.name, c.n, f.n FROM counters c JOIN (
            SELECT 'models' AS name, count(*) AS n FROM models UNION ALL SELECT 'orphaned_models', count(*) FROM models WHERE source = 'orphaned'
            UNION ALL SELECT 'versions', count(*) FROM versions UNION ALL SELECT 'deployments', count(*) FROM deployments
            UNION ALL SELECT 'builds', count(*) FROM builds UNION ALL SELECT 'operations', count(*) FROM operations
        ) f ON f.name = c.name WHERE f.n <> c.n""",
    "versions of a model": """
        SELECT id, version_count FROM models m WHERE version_count <> (SELECT count(*) FROM versions v WHERE v.model_id = m.id)""",
    "models by source and server type": """
        SELECT source, server_type, sum(n) FROM (
            SELECT source, server_type, n FROM model_counts
            UNION ALL SELECT source, coalesce(server_type, ''), -count(*) FROM models GROUP BY 1, 2
        ) t GROUP BY 1, 2 HAVING sum(n) <> 0""",
    "versions by status": """
        SELECT is_release, status, sum(n) FROM (
            SELECT is_release, status, n FROM version_counts
            UNION ALL SELECT is_release, status, -count(*) FROM versions GROUP BY 1, 2
        ) t GROUP BY 1, 2 HAVING sum(n) <> 0""",
    "things that wait for the search index": "SELECT kind, id FROM search_queue LIMIT 5",
    "things that the search index has not": """
        SELECT t.kind, t.id FROM (
            SELECT 'm' AS kind, id FROM models UNION ALL SELECT 'v', id FROM versions UNION ALL SELECT 'd', id FROM deployments
            UNION ALL SELECT 'a', id FROM artifacts WHERE deleted_at IS NULL
        ) t LEFT JOIN search_documents s ON s.kind = t.kind AND s.id = t.id WHERE s.id IS NULL LIMIT 5""",
    "things of the search index that are gone": """
        SELECT s.kind, s.id FROM search_documents s LEFT JOIN (
            SELECT 'm' AS kind, id FROM models UNION ALL SELECT 'v', id FROM versions UNION ALL SELECT 'd', id FROM deployments
            UNION ALL SELECT 'a', id FROM artifacts WHERE deleted_at IS NULL
        ) t ON s.kind = t.kind AND s.id = t.id WHERE t.id IS NULL LIMIT 5""",
    "words of the search index without their document": """
        SELECT p.kind, p.term, p.id FROM search_postings p LEFT JOIN search_documents s ON s.kind = p.kind AND s.id = p.id
        WHERE s.id IS NULL LIMIT 5""",
    "aliases that point nowhere": """
        SELECT a.alias, a.version_id FROM version_aliases a LEFT JOIN versions v ON v.id = a.version_id WHERE v.id IS NULL LIMIT 5""",
    "artifacts whose bytes are nowhere": """
        SELECT a.id, a.sha256 FROM artifacts a LEFT JOIN blob_places p ON p.sha256 = a.sha256
        WHERE a.deleted_at IS NULL AND a.sha256 IS NOT NULL AND p.path IS NULL LIMIT 5""",
}


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


def of_database(database: str) -> Iterator[str]:
    """SQLite's own checks, and all that is kept twice."""
    query = reader(database)
    if not is_url(database):
        for row in query("PRAGMA integrity_check"):
            if row[0] != "ok":
                yield f"integrity_check: {row[0]}"
        for row in query("PRAGMA foreign_key_check"):
            yield f"foreign_key_check: {row}"
    for what, sql in CONTRADICTIONS.items():
        for row in query(sql):
            yield f"{what}: {row}"


def is_url(database: str) -> bool:
    return database.startswith(("postgres://", "postgresql://"))


def reader(database: str) -> Callable[[str], list[list[str]]]:
    """Asks a database: SQL in, rows of texts out."""

    def of_file(sql: str) -> list[list[str]]:
        connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=20)
        try:
            return [["" if value is None else str(value) for value in row] for row in connection.execute(sql)]
        finally:
            connection.close()

    def of_server(sql: str) -> list[list[str]]:
        command = ["psql", "--no-psqlrc", "--quiet", "--csv", "--tuples-only", "--set=ON_ERROR_STOP=1", f"--dbname={database}", f"--command={sql}"]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return list(csv.reader(io.StringIO(done.stdout)))

    return of_server if is_url(database) else of_file


if __name__ == "__main__":
    found = list(of_database(sys.argv[1]))
    print("\n".join(found))
    sys.exit(1 if found else 0)
