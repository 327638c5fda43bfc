#!/usr/bin/env python3
"""Makes a database of the first release with many rows, for tests of its migration.

    older_database.py FILE MODELS VERSIONS
"""

import sqlite3
import sys
from pathlib import Path


def main(path: str, models: int, versions: int) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.executescript((Path(__file__).parent / "registry-5.sql").read_text())
    # The triggers of that release keep its counters.
    connection.execute("BEGIN")
    connection.execute(
        f"""
        WITH RECURSIVE series (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM series WHERE n < {models - 1})
        INSERT INTO models (id, name, storage_path, description, tags, metadata, requires_gpu, server_type, source, created_at, updated_at)
        SELECT printf('01990000-0000-7000-8001-%012x', n), 'team/model-' || n, 'models/' || n, 'Model number ' || n, '["old"]', '{{}}', 0,
            CASE n % 3 WHEN 0 THEN 'vllm' WHEN 1 THEN 'generic' END, CASE n % 50 WHEN 0 THEN 'orphaned' ELSE 'manual' END,
            1750000000000000 + n, 1750000000000000 + n
        FROM series
        """
    )
    connection.execute(
        f"""
        WITH RECURSIVE series (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM series WHERE n < {versions - 1})
        INSERT INTO versions (id, model_id, version, tag, digest, platform, architecture, os, metadata, is_release, status, created_at)
        SELECT printf('01990000-0000-7000-8002-%012x', n), printf('01990000-0000-7000-8001-%012x', n % {models}), '1.' || (n / {models}),
            'latest', 'sha256:' || n, 'linux/amd64', 'amd64', 'linux', '{{}}', n % 5 = 0, 'active', 1750000000000000 + n
        FROM series
        """
    )
    connection.execute("COMMIT")
    connection.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
