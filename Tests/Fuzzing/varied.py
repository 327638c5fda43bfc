"""Bodies like a drawn one, but for something: quicker to make than to draw, and further from what a document foresees."""

import copy
import json
import random
from typing import Any

from exchange import WAYS

NASTY: list[Any] = [
    None, True, False, 0, -1, 1, 2**31, 2**53 + 1, -(2**63), 2**63, 1e308, -1e-308, 0.1, "", " ", "\u0000", "a" * 300, "é" * 3_000, "../../etc/passwd",
    "/etc/passwd", "%2e%2e%2f", "latest", "\u202e", "😀", "\ud7ff", "2025-13-45T99:99:99Z", "0", "1", "true", "null", "[]", "{}", "http://127.0.0.1:1/", [],
    [None], ["a", "a"], [[]], {}, {"": ""}, {"a": {"b": {"c": []}}}, ["x"] * 200,
]


def body(drawn: Any, dice: random.Random) -> bytes:
    """The JSON text of a drawn body with one to three things changed; now and then its bytes are changed as well."""
    value = copy.deepcopy(drawn)
    for _ in range(dice.choice([1, 1, 1, 2, 3])):
        value = _changed(value, dice)
    data = json.dumps(value).encode()
    return dice.choice(WAYS)(data, dice) if dice.random() < 0.1 else data


def _changed(value: Any, dice: random.Random) -> Any:
    holders = list(_holders(value))
    if not holders or dice.random() < 0.02:
        return dice.choice(NASTY)
    holder = dice.choice(holders)
    if isinstance(holder, dict):
        names = list(holder)
        match dice.randrange(5):
            case 0 if names:
                del holder[dice.choice(names)]
            case 1:
                holder[dice.choice(names + ["", "id", "unknown", "a" * 1_000])] = dice.choice(NASTY)
            case 2 if len(names) > 1:
                one, other = dice.sample(names, 2)
                holder[one], holder[other] = holder[other], holder[one]
            case _ if names:
                holder[dice.choice(names)] = dice.choice(NASTY)
    elif holder:
        match dice.randrange(3):
            case 0:
                del holder[dice.randrange(len(holder))]
            case 1:
                holder += copy.deepcopy(holder[:50])
            case _:
                holder[dice.randrange(len(holder))] = dice.choice(NASTY)
    else:
        holder.append(dice.choice(NASTY))
    return value


def _holders(value: Any) -> Any:
    """All objects and lists in a value."""
    if isinstance(value, dict):
        yield value
        for member in value.values():
            yield from _holders(member)
    elif isinstance(value, list):
        yield value
        for member in value:
            yield from _holders(member)
