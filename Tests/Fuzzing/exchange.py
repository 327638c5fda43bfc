"""One request, its answer, and what is wrong with it."""

import copy
import json
import random
from collections import Counter
from dataclasses import dataclass
from typing import Any

import requests
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from known import Known

SECONDS = 20
# Refusals of what the document says in words alone: how members hang together, and the language of searches.
BEYOND_SCHEMA = (
    "stands in the list twice", "query.cursor value_error",
    "cannot be given with others", "not both", "for the source", "version_id is required (or release_id)",
    "target is required (or artifact_id, or one of name, url and purl)", "body.name missing name is required (or filename)",
    "query.q value_error", "query.types enum",
)
# Things that the server has not, and says so: an engine, room, a peer.
FORESEEN = {502, 503, 507}


@dataclass
class Finding:
    """What is wrong, and how to see it again."""

    operation: str
    check: str
    message: str
    request: str

    def __str__(self) -> str:
        return f"{self.operation}: {self.check}: {self.message}" + (f"\n    {self.request}" if self.request else "")


class Exchange:
    """Sends cases, and keeps the first finding of each kind."""

    def __init__(self, url: str, key: str, known: Known) -> None:
        self.url = url
        self.known = known
        self.statuses: Counter[int] = Counter()
        self.findings: dict[tuple, Finding] = {}
        self.session = requests.Session()
        self.session.headers["X-API-Key"] = key

    def take(self) -> list[Finding]:
        found = list(self.findings.values())
        self.findings.clear()
        return found

    def send(self, case: schemathesis.Case, kind: str, dice: random.Random) -> None:
        # What is drawn belongs to schemathesis, which may give it out again.
        case.path_parameters, case.query, case.body = copy.deepcopy((case.path_parameters, case.query, case.body))
        replaced = set()
        if kind == "obeying" or dice.random() < 0.5:
            replaced |= self.known.put_into(case.path_parameters, dice)
        if kind == "obeying":
            self.known.put_into(case.query, dice)
            self.known.put_into(case.body, dice)
        if isinstance(case.body, dict) and case.query and case.media_type == "multipart/form-data":
            # The fields of a form may stand in the query instead, not as well.
            case.query = {name: value for name, value in case.query.items() if name not in case.body}
        if case.query and "wait" in case.query:
            # A long poll is no hang, but it takes the time of a thousand other requests.
            case.query["wait"] = 0
            replaced.add("wait")
        arguments = case.as_transport_kwargs(base_url=self.url)
        if kind == "spoiled":
            arguments = spoiled(arguments, dice)
        # A stream may have no end: its head is enough.
        try:
            with self.session.request(**arguments, timeout=SECONDS, stream=True, allow_redirects=False) as response:
                is_stream = response.headers.get("content-type", "").startswith(("text/event-stream", "text/plain", "application/octet"))
                if not is_stream or response.status_code >= 400:
                    response.content  # noqa: B018 - reads it whole
                self.look(case, kind, replaced, arguments, response, is_stream)
        except requests.Timeout:
            self.add(case, "no hang", None, f"no answer within {SECONDS} s", arguments)
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidHeader, UnicodeEncodeError):
            # The client refuses to send it.
            self.statuses[0] += 1
        except requests.ConnectionError as problem:
            self.add(case, "an answer", None, f"the connection ended without one: {problem}", arguments)

    def send_body(self, case: schemathesis.Case, data: bytes) -> None:
        """Sends a body that nobody knows to be right or wrong, to where a case goes: it must be answered, and as the document foresees."""
        target = case.as_transport_kwargs(base_url=self.url)
        arguments = {"method": target["method"], "url": target["url"], "params": target.get("params"), "data": data}
        try:
            response = self.session.request(
                **arguments, headers={"Content-Type": "application/json"}, timeout=SECONDS, allow_redirects=False)
        except requests.Timeout:
            self.add(case, "no hang", None, f"no answer within {SECONDS} s", arguments)
            return
        except requests.ConnectionError as problem:
            self.add(case, "an answer", None, f"the connection ended without one: {problem}", arguments)
            return
        self.statuses[response.status_code] += 1
        if response.status_code >= 500 and response.status_code not in FORESEEN:
            self.add(case, "no server error", response.status_code, response.text[:300], arguments)
        elif str(response.status_code) not in case.operation.definition.raw["responses"]:
            self.add(case, "documented status", response.status_code, response.text[:300], arguments)

    def look(
        self, case: schemathesis.Case, kind: str, replaced: set[str], arguments: dict, response: requests.Response, is_stream: bool
    ) -> None:
        status = response.status_code
        self.statuses[status] += 1
        if status >= 500 and status not in FORESEEN:
            self.add(case, "no server error", status, response.text[:300], arguments)
            return
        # Without a body it is the path that was spoiled, so that another operation may have answered, or none.
        if is_stream or (kind == "spoiled" and "data" not in arguments):
            return
        documented = case.operation.definition.raw
        if str(status) not in documented["responses"]:
            self.add(case, "documented status", status, response.text[:300], arguments)
        if kind == "obeying" and status == 422 and not lacks_one_of(documented, case):
            problem = words(response)
            if not any(beyond in problem for beyond in BEYOND_SCHEMA):
                self.add(case, "what is allowed is taken", status, problem, arguments)
        if kind == "breaking" and status < 300 and is_broken(case, replaced):
            self.add(case, "what is forbidden is refused", status, describe(case), arguments)
        try:
            case.validate_response(response, checks=[content_type_conformance, response_schema_conformance])
        except FailureGroup as group:
            for failure in group.exceptions:
                self.add(case, "documented shape", status, f"{failure.title}: {' '.join(str(failure.message).split())[:300]}", arguments)
        if status < 300:
            self.known.learn(case.operation.path, response.json())

    def add(self, case: schemathesis.Case, check: str, status: int | None, message: str, arguments: dict) -> None:
        name = case.operation.definition.raw["operationId"]
        kind = (name, check, status, message if check == "what is allowed is taken" else "")
        if kind in self.findings or len([key for key in self.findings if key[:2] == (name, check)]) >= 5:
            return
        self.findings[kind] = Finding(name, check, f"{status or ''} {message}".strip(), curl(arguments))


def words(response: requests.Response) -> str:
    """What a 422 says, without the values."""
    detail = response.json().get("detail")
    if not isinstance(detail, list):
        return str(detail)
    return "; ".join(sorted({f"{'.'.join(str(part) for part in one['loc'][:2])} {one['type']} {one['msg'][:120]}" for one in detail}))


def describe(case: schemathesis.Case) -> str:
    """What schemathesis broke, as far as it says."""
    generation = getattr(case.meta, "phase", None)
    return str(getattr(getattr(generation, "data", None), "description", "") or "")


def is_broken(case: schemathesis.Case, replaced: set[str]) -> bool:
    """False where nothing is broken after all, and for members that the document does not name: those are left unheeded everywhere."""
    if any(f"/{name}" in describe(case) for name in replaced):
        return False
    if any(words in describe(case) for words in ("Positive test case", "additionalProperties", "Unexpected")):
        return False
    # In a query, an empty list or object is no value at all.
    return not any(value in ([], {}) for value in (case.query or {}).values())


def lacks_one_of(documented: dict, case: schemathesis.Case) -> bool:
    """What OpenAPI cannot say of parameters in the query."""
    return any(not any((case.query or {}).get(name) for name in group) for group in documented.get("x-catapult-one-of", []))


def curl(arguments: dict) -> str:
    """The request as a command line, shortened."""
    url = requests.Request(arguments["method"], arguments["url"], params=arguments.get("params")).prepare().url or arguments["url"]
    body = arguments.get("data")
    if "json" in arguments:
        body = json.dumps(arguments["json"])
    shown = "" if body is None else f" -d {(body if isinstance(body, str) else repr(body))[:600]!r}"
    return f"curl -X {arguments['method']} '{url[:600]}'{shown}"


def spoiled(arguments: dict, dice: random.Random) -> dict:
    """The request with bytes that no document foresees."""
    changed = dict(arguments)
    if "json" in changed:
        body = json.dumps(changed.pop("json")).encode()
    elif isinstance(changed.get("data"), bytes):
        body = changed["data"]
    else:
        # No body: the path is all there is.
        tail = dice.choice(["%00", "/%2e%2e/%2e%2e/etc/passwd", "/../..", "%ff%fe", "//", "/" + "a" * 5_000, "?size=%00", "?limit=99999999999999999999"])
        changed["url"] = changed["url"] + tail
        return changed
    changed["headers"] = dict(changed.get("headers") or {}) | {"Content-Type": "application/json"}
    changed["data"] = dice.choice(WAYS)(body, dice)
    return changed


def _flip(body: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(body) or 1)
    return body[:at] + bytes([dice.randrange(256)]) + body[at + 1 :]


def _insert(body: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(body) or 1)
    nasty = [b"\x00", b"\\u0000", b"\\ud800", b"\xff\xfe", b"1e400", b"-0", b"99999999999999999999", b"[" * 2_000, b'{"a":' * 2_000, b"null", b'"', b","]
    return body[:at] + dice.choice(nasty) + body[at:]


def _nul_in_text(body: bytes, dice: random.Random) -> bytes:
    texts = body.count(b'"') // 2
    return body.replace(b'"', b'"\\u0000', 2 * dice.randint(1, max(texts, 1)) - 1)


WAYS: list[Any] = [
    _flip, _insert, _nul_in_text,
    lambda body, dice: body[: dice.randrange(len(body) or 1)],
    lambda body, dice: body + body,
    lambda body, dice: dice.randbytes(dice.randrange(200)),
    lambda body, dice: b"",
]
