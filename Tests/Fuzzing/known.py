"""Ids and names of things that exist: without them nearly every drawn request would end at a 404."""

import random
from collections import defaultdict, deque
from typing import Any

import requests


class Known:
    """What answers have told so far, by the name of the parameter that takes it."""

    def __init__(self, document: dict) -> None:
        self.values: dict[str, deque[str]] = defaultdict(lambda: deque(maxlen=64))
        # `/api/v1/models` and `/api/v1/models/{model_id}`: an `id` in an answer of the first is a `model_id`.
        self.parameter_of: dict[str, str] = {}
        for path in document["paths"]:
            collection, _, last = path.rpartition("/")
            if last.startswith("{"):
                self.parameter_of.setdefault(collection, last.strip("{}"))

    def learn(self, path: str, answer: Any) -> None:
        """Takes the ids out of the answer of a path, as the document spells it."""
        own = self.parameter_of.get(path) or self.parameter_of.get(path.rpartition("/{")[0])
        for thing in answer.get("items", [answer]) if isinstance(answer, dict) else answer if isinstance(answer, list) else []:
            if not isinstance(thing, dict):
                continue
            for key, value in thing.items():
                name = own if key == "id" else key
                if isinstance(value, str) and value and name and (name.endswith("_id") or name in ("environment", "alias")):
                    self.add(name, value)

    def add(self, name: str, value: str) -> None:
        if value not in self.values[name]:
            self.values[name].append(value)

    def put_into(self, members: Any, dice: random.Random, share: float = 0.7) -> None:
        """Replaces values whose names are known by things that exist, each with a chance."""
        if not isinstance(members, dict):
            return
        for name, value in members.items():
            if isinstance(value, str) and self.values.get(name) and dice.random() < share:
                members[name] = dice.choice(list(self.values[name]))


def fixtures(known: Known, url: str, key: str) -> None:
    """Some of everything that costs no engine."""
    session = requests.Session()
    session.headers["X-API-Key"] = key

    def post(path: str, body: dict) -> dict:
        answer = session.post(f"{url}/api/v1{path}", json=body, timeout=20)
        if answer.status_code >= 300 and answer.status_code != 409:
            raise SystemExit(f"POST {path}: {answer.status_code} {answer.text}")
        thing = answer.json()
        known.learn(f"/api/v1{path}", thing)
        return thing

    # Workers start at the same time; each has things of its own.
    mark = f"{random.SystemRandom().getrandbits(48):x}"
    for number in range(4):
        model = post("/models", {"name": f"fuzz/{mark}-{number}", "storage_path": f"fuzz/{number}", "server_type": "generic", "tags": ["a", "b"]})
        for version in ("1.0", "2.0"):
            made = post("/versions", {"model_id": model["id"], "version": version, "quantization": "q4"})
            known.add("version_id", made["id"])
            known.add("release_id", made["id"])
        known.add("model_id", model["id"])
        known.add("image_id", model["id"])
        known.add("model_name", model["name"])
        environment = post("/environments", {"name": f"fuzz-{mark}-{number}", "type": "cpu"})
        known.add("environment", environment["name"])
        deployment = post("/deployments", {"release_id": made["id"], "environment": environment["name"]})
        known.add("deployment_id", deployment["id"])
        known.add("key_id", post("/api-keys", {"name": f"fuzz-{mark}-{number}"})["id"])
