"""Load by wrk, and what it prints."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .processes import Failure


@dataclass
class Load:
    """What wrk saw; latencies in milliseconds."""

    rate: float
    p50: float
    p99: float


def run(
    wrk: str, url: str, connections: int, seconds: int, headers: dict[str, str] | None = None, post: str | None = None,
    paths: list[str] | None = None, work: Path | None = None,
) -> Load:
    """Closed-loop load by one thread, after a second of warming up.

    `post` is the body of a POST; `paths` are asked for in turn. Both need a folder to work in.
    """
    options = [f"-H{name}: {value}" for name, value in (headers or {}).items()]
    if paths is not None and work is not None:
        script = work / "paths.lua"
        listed = ",\n".join(f"[==[{path}]==]" for path in paths)
        script.write_text(
            f"local paths = {{{listed}}}\nlocal at = 0\nrequest = function()\n    at = at % #paths + 1\n"
            "    return wrk.format(nil, paths[at])\nend\n"
        )
        options += ["-s", str(script)]
    if post is not None and work is not None:
        script = work / "post.lua"
        script.write_text(f"wrk.method = 'POST'\nwrk.body = [==[{post}]==]\nwrk.headers['Content-Type'] = 'application/json'\n")
        options += ["-s", str(script)]
    command = [wrk, "-t1", f"-c{connections}", "--latency", "--timeout", "20s", *options]
    subprocess.run([*command, "-d1s", url], check=True, stdout=subprocess.DEVNULL)
    output = subprocess.run([*command, f"-d{seconds}s", url], check=True, capture_output=True, text=True).stdout
    if re.search(r"Non-2xx|Socket errors", output):
        raise Failure(f"{url}: {output}")
    return Load(_number(output, r"Requests/sec:\s+([\d.]+)"), _time(output, "50%"), _time(output, "99%"))


def _number(output: str, pattern: str) -> float:
    match = re.search(pattern, output)
    if match is None:
        raise Failure(f"wrk printed no {pattern}: {output}")
    return float(match[1])


def _time(output: str, percentile: str) -> float:
    match = re.search(rf"{percentile}\s+([\d.]+)(us|ms|s)\b", output)
    if match is None:
        raise Failure(f"wrk printed no {percentile}: {output}")
    return float(match[1]) * {"us": 0.001, "ms": 1, "s": 1000}[match[2]]
