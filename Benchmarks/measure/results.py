"""What measures give, held against the budgets."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Result:
    """One number. `name` is a key of budgets.toml, or describes a number without a budget, in `unit`."""

    name: str
    value: float
    note: str = ""
    unit: str = ""


@dataclass
class Table:
    """Numbers that belong side by side, after the table of all; with a chart in a file beside the results."""

    title: str
    columns: list[str]
    rows: list[list[str]]
    chart: str = ""
    chart_name: str = ""

    def lines(self) -> Iterator[str]:
        yield f"### {self.title}"
        yield ""
        yield from _aligned([self.columns, *self.rows])
        if self.chart_name:
            yield ""
            yield f"![{self.title}]({self.chart_name})"


@dataclass
class Row:
    """A line of the table."""

    what: str
    value: str
    budget: str
    verdict: str
    note: str


class Budgets:
    def __init__(self, path: Path) -> None:
        self.entries = tomllib.loads(path.read_text())

    def row(self, result: Result) -> Row:
        budget = self.entries.get(result.name)
        if budget is None:
            return Row(result.name, _number(result.value, result.unit), "", "", result.note)
        most, least = budget.get("at_most"), budget.get("at_least")
        is_met = result.value <= most if most is not None else result.value >= least
        limit = f"≤ {most:,}" if most is not None else f"≥ {least:,}"
        return Row(budget["what"], _number(result.value, budget["unit"]), limit, "met" if is_met else "MISSED", result.note)


def _number(value: float, unit: str) -> str:
    digits = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 0.1 else 3
    return f"{value:,.{digits}f} {unit}".replace(" ratio", " ×").strip()


def lines(rows: list[Row]) -> Iterator[str]:
    """The rows as a table of Markdown that is aligned for the terminal too."""
    cells = [["measure", "result", "budget", "", "note"], *([row.what, row.value, row.budget, row.verdict, row.note] for row in rows)]
    yield from _aligned(cells)


def _aligned(cells: list[list[str]]) -> Iterator[str]:
    cells = list(cells)
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    cells.insert(1, ["-" * width for width in widths])
    for line in cells:
        yield "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |"
