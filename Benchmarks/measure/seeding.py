"""Registries of any size, made by the database itself in seconds: the triggers keep counters and indexes as they do for a server."""

from .databases import PostgreSQL, SQLite

VERSIONS_PER_MODEL = 10
# Microseconds; a model a second, its versions after all models.
EPOCH = 1_750_000_000_000_000
SERVER_TYPES = ["vllm", "llama-cpp", "embedding", "whisper"]
TASKS = ["summarising", "translating", "answering", "coding", "classifying", "transcribing", "ranking", "drawing"]


def model_name(number: int) -> str:
    return f"team-{number % 97}/model-{number}"


def uuid(kind: int, number: int) -> str:
    """The id of the thing with a number; `kind` keeps models and versions apart."""
    milliseconds = EPOCH // 1000 + number
    return f"{milliseconds >> 16:08x}-{milliseconds & 0xFFFF:04x}-7000-8{kind:03x}-{number:012x}"


def _uuid(database: SQLite | PostgreSQL, kind: int, number: str) -> str:
    milliseconds = f"({EPOCH // 1000} + {number})"
    if isinstance(database, SQLite):
        return f"printf('%08x-%04x-7000-8{kind:03x}-%012x', {milliseconds} >> 16, {milliseconds} & 65535, {number})"
    high = f"lpad(to_hex({milliseconds} >> 16), 8, '0')"
    low = f"lpad(to_hex({milliseconds} & 65535), 4, '0')"
    return f"{high} || '-' || {low} || '-7000-8{kind:03x}-' || lpad(to_hex({number}), 12, '0')"


def _series(database: SQLite | PostgreSQL, count: int, name: str = "n") -> str:
    if isinstance(database, SQLite):
        # A recursive table is built row by row, without a table in memory.
        return f"(WITH RECURSIVE series (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM series WHERE i < {count - 1}) SELECT i AS {name} FROM series)"
    return f"(SELECT i::bigint AS {name} FROM generate_series(0, {count - 1}) AS i) AS series"


def _pick(values: list[str], number: str) -> str:
    cases = " ".join(f"WHEN {index} THEN '{value}'" for index, value in enumerate(values))
    return f"CASE {number} % {len(values)} {cases} END"


def fill(database: SQLite | PostgreSQL, versions: int) -> None:
    """Models and versions, on an empty registry whose server has gone."""
    models = versions // VERSIONS_PER_MODEL
    task = _pick(TASKS, "n")
    statements = [
        f"""
        INSERT INTO models (id, name, storage_path, repository, company, base_model, parameter_count, description, tags, metadata,
            requires_gpu, server_type, source, created_at, updated_at)
        SELECT {_uuid(database, 1, 'n')}, 'team-' || (n % 97) || '/model-' || n, 'models/' || n, 'hub/family-' || (n % 1009),
            'Company ' || (n % 53), NULL, (1 + n % 70) || 'B', 'A model for ' || {task} || ', number ' || n,
            '["chat","' || {task} || '"]', '{{"license":"apache-2.0"}}', n % 2 = 0, {_pick(SERVER_TYPES, 'n')}, 'manual',
            {EPOCH} + n * 1000000, {EPOCH} + n * 1000000
        FROM {_series(database, models)}
        """,
    ]
    # A million rows in one statement would hold all that triggers were told of in memory.
    step = 100_000
    for first in range(0, versions, step):
        count = min(step, versions - first)
        number, of = f"({first} + n)", f"(({first} + n) % {models})"
        statements.append(
            f"""
            INSERT INTO versions (id, model_id, version, tag, digest, quantization, size_bytes, platform, architecture, os, metadata,
                is_release, status, created_at)
            SELECT {_uuid(database, 2, number)}, {_uuid(database, 1, of)}, '1.' || ({number} / {models}), 'latest', 'sha256:' || {number},
                NULL, 1000000 + n, 'linux/amd64', 'amd64', 'linux', '{{}}', {number} % 5 = 0, 'active',
                {EPOCH} + {models + first} * CAST(1000000 AS BIGINT) + n * CAST(1000000 AS BIGINT)
            FROM {_series(database, count)}
            """
        )
    database.run(statements)
    database.settle()
