"""How `make bench-fetch` shows what it found: a table for people, a file with the versions for later."""

import dataclasses
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from rich.box import SIMPLE
from rich.table import Table

from bench.downloaders import OURS, Downloader
from bench.fetch_limits import Limit
from bench.fetch_results import PACES, Pace, Results

_VERSIONS = {
    "curl": ("curl", "--version"),
    "openssl": ("openssl", "version"),
    "sha256sum": ("sha256sum", "--version"),
    "huggingface_hub": (str(Path(sys.executable).with_name("hf")), "version"),
    "aria2c": ("aria2c", "--version"),
}


def versions() -> dict[str, str]:
    """Of every program; asking also brings each into the page cache before it is measured."""
    found = {name: _version(argv) for name, argv in _VERSIONS.items()}
    return {"python": platform.python_version(), **found, "kernel": _number(platform.release())}


def _version(argv: tuple[str, ...]) -> str:
    if shutil.which(argv[0]) is None:
        return "not installed"
    return _number(subprocess.run(argv, capture_output=True, text=True, check=True).stdout)


def _number(text: str) -> str:
    """The first version in a text: the rest of a kernel's name says whose machine it is."""
    found = re.search(r"\d+(\.\d+)+", text)
    return found[0] if found else "unknown"


def runs_tables(results: Results, downloaders: list[Downloader]) -> list[Table]:
    """Of each line its own; seconds are medians, the peak is the highest."""
    return [_runs_table(results, pace, downloaders) for pace in PACES]


def _runs_table(results: Results, pace: Pace, downloaders: list[Downloader]) -> Table:
    table = _table(pace.name, "downloader", "checks", "wall s", "MB/s", "ours is\n.. x as fast", "CPU s", "peak\nMiB")
    for one in downloaders:
        if runs := results.runs.get((pace.name, one.name)):
            wall_s = statistics.median(run.wall_s for run in runs)
            faster = "" if one.name == OURS else f"{results.times_as_fast(pace, OURS, one.name):.2f}"
            cpu_s, peak = statistics.median(run.cpu_s for run in runs), max(run.peak_mib for run in runs)
            figures = f"{wall_s:.2f}", f"{results.mb_s(wall_s):.0f}", faster, f"{cpu_s:.2f}", f"{peak:.0f}"
            table.add_row(one.name, one.checks, *figures)
    return table


def resumed_table(results: Results) -> Table:
    """What a SIGKILL at 40 % costs: the worst of the rounds."""
    table = _table("after SIGKILL at 40 %", "downloader", "the file", "MiB fetched again")
    for name, found in results.resumed.items():
        right = "right" if all(one.right for one in found) else "WRONG"
        table.add_row(name, right, f"{max(one.again_bytes for one in found) / 2**20:.1f}")
    return table


def _table(title: str, first: str, second: str, *figures: str) -> Table:
    table = Table(first, second, title=title, title_justify="left", box=SIMPLE)
    for name in figures:
        table.add_column(name, justify="right")
    return table


def as_json(results: Results, found: list[Limit], about: dict[str, Any]) -> str:
    """Everything measured, every round of it; `about` says when and with which versions."""
    runs = {
        pace.name: {name: _columns(runs) for (at, name), runs in results.runs.items() if at == pace.name}
        for pace in PACES
    }
    content = {
        **about,
        "bytes": results.size,
        "server_alone_mb_s": [round(results.mb_s(seconds)) for seconds in results.server_s],
        "runs": runs,
        "after_sigkill_at_40_percent": {name: _columns(found) for name, found in results.resumed.items()},
        "everything_present": _columns(results.repeated),
        "limits": [{**dataclasses.asdict(limit), "figure": round(limit.figure, 3), "ok": limit.ok} for limit in found],
    }
    return json.dumps(content, indent=1) + "\n"


def _columns(rows: list[Any]) -> dict[str, list[Any]]:
    names = [field.name for field in dataclasses.fields(rows[0])]
    return {name: [round(getattr(row, name), 3) for row in rows] for name in names}


def load() -> list[float]:
    """Load averages of the last 1, 5 and 15 minutes."""
    return [round(value, 2) for value in os.getloadavg()]
