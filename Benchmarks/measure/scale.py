"""Whole measures, or quick ones that show that everything works (BENCH_QUICK=1, `make bench ARGS=--quick`)."""

import os
from typing import TypeVar

QUICK = os.environ.get("BENCH_QUICK") == "1"

Value = TypeVar("Value")


def whole(value: Value, quick: Value) -> Value:
    return quick if QUICK else value
