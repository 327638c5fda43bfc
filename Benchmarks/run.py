#!/usr/bin/env python3
"""Takes the measures, prints them as one table beside their budgets, and writes that to a file.

    run.py [--output FILE] [--only MEASURE...] [MEASURE...]        all measures by default; started by scripts/bench.sh

Exit status: 0 all budgets are met; 1 one is missed; 2 a measure could not be taken.
"""

import argparse
import datetime
import os
import platform
import subprocess
import sys
from pathlib import Path

from measure import building, catapult, commands, files, gateway, idling, listing, mlflow, processes, registry, results, starting

MEASURES = {
    "starting": starting, "idling": idling, "listing": listing, "building": building, "commands": commands, "gateway": gateway,
    "registry": registry, "mlflow": mlflow, "files": files,
}


def machine() -> list[str]:
    """What the numbers depend on."""
    cpu = next((line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line), "unknown")
    memory = int(Path("/proc/meminfo").read_text().split()[1]) // 2**20
    engine = subprocess.run(["docker", "version", "--format", "{{.Server.Version}}"], check=False, capture_output=True, text=True).stdout.strip()
    system = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    return [
        f"{os.cpu_count()} cores of {cpu}, {memory} GiB; {system}, Linux {platform.release()}; Docker {engine}.",
        f"Taken on {datetime.date.today()}; load average at the start {os.getloadavg()[0]:.1f}.",
    ]


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--output", type=Path)
    parser.add_argument("--only", nargs="*", default=[], metavar="MEASURE", help="the same as to name them alone")
    parser.add_argument("measures", nargs="*", metavar="MEASURE", help=", ".join(MEASURES))
    options = parser.parse_args()
    chosen = options.measures + options.only
    unknown = set(chosen) - set(MEASURES)
    if unknown:
        parser.error(f"no such measure: {', '.join(sorted(unknown))}; there are {', '.join(MEASURES)}")

    setup = catapult.Setup.from_environment()
    budgets = results.Budgets(Path(__file__).parent / "budgets.toml")
    facts, rows, tables, untaken = machine(), [], [], []
    for name in chosen or MEASURES:
        print(f"measuring: {name}", file=sys.stderr, flush=True)
        try:
            for result in MEASURES[name].measure(setup):
                if isinstance(result, results.Table):
                    tables.append(result)
                else:
                    rows.append(budgets.row(result))
        except (processes.Failure, OSError, subprocess.CalledProcessError) as failure:
            words = getattr(failure, "stderr", None) or ""
            words = words.decode(errors="replace") if isinstance(words, bytes) else words
            untaken.append(f"{name} could not be taken: {failure} {words.strip()}".rstrip())

    text = [*results.lines(rows), *untaken]
    for table in tables:
        text += ["", *table.lines()]
    print("\n".join([*facts, "", *text]))
    if options.output:
        options.output.write_text("\n".join(["# Results of `make bench`", "", *facts, "", *text, ""]))
        for table in tables:
            if table.chart_name:
                (options.output.parent / table.chart_name).write_text(table.chart)
    missed = [row.what for row in rows if row.verdict == "MISSED"]
    for what in missed:
        print(f"budget missed: {what}", file=sys.stderr)
    return 2 if untaken else 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
