"""Finds programs that a person installed and accepts them instead of a build when their version is known to work.

To learn a version the program has to run, so the result is kept until something changes that could change it.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from dev.machine.instance import CACHE
from dev.tools.versions import Accepted

# What Debian's own base image has; a program that needs more would not start in the node's containers.
_BASE_LIBRARIES = re.compile(
    r"\s*(linux-vdso|/lib|lib(c|m|dl|rt|pthread|stdc\+\+|gcc_s|gomp)\.so|ld-linux|statically linked|not a dynamic)"
)


def versioned(program: str, argv: tuple[str, ...], accepted: Accepted, beside: tuple[str, ...] = ()) -> Path | None:
    """Directory of `program` on PATH when the first x.y.z of `program argv...` is accepted and `beside` lie with it."""

    def check(path: Path) -> bool:
        version = re.search(r"\d+\.\d+(\.\d+)?", _output(path, *argv))
        return version is not None and accepted.admits(version[0])

    return _judged(program, f"{argv} {accepted}", check, beside)


def llama_cpp(accepted: Accepted, beside: tuple[str, ...]) -> Path | None:
    """Directory of an installed llama-server of an accepted version that has the router and runs in a container."""

    def check(path: Path) -> bool:
        version = re.search(r"version: (\d+\.\d+\.\d+)", _output(path, "--version"))
        if version is None or not accepted.admits(version[1]):
            return False
        libraries = _output(Path("/usr/bin/ldd"), str(path)).splitlines()
        return "--models-preset" in _output(path, "--help") and all(map(_BASE_LIBRARIES.match, libraries))

    return _judged("llama-server", f"router {accepted}", check, beside)


def any_version(program: str) -> Path | None:
    """Directory of `program` on PATH, whatever its version."""
    found = shutil.which(program)
    return Path(found).parent if found else None


def _judged(program: str, question: str, check: Callable[[Path], bool], beside: tuple[str, ...]) -> Path | None:
    place = any_version(program)
    if place is None or any(not os.access(place / other, os.X_OK) for other in beside):
        return None
    status = (place / program).stat()
    key = f"{place / program} {status.st_mtime_ns} {status.st_size} {question}"
    verdicts = _verdicts()
    if key not in verdicts:
        verdicts[key] = check(place / program)
        CACHE.mkdir(parents=True, exist_ok=True)
        fresh = _file().with_suffix(f".{os.getpid()}")
        fresh.write_text(json.dumps(verdicts, indent=1, sort_keys=True))
        fresh.rename(_file())
    return place if verdicts[key] else None


def _file() -> Path:
    return CACHE / "installed.json"


def _verdicts() -> dict[str, bool]:
    try:
        return json.loads(_file().read_text())
    except (OSError, ValueError):  # none yet, or not ours to understand: ask the programs again
        return {}


def _output(*argv: str | Path) -> str:
    """stdout and stderr together; empty when the program does not start or hangs."""
    try:
        done = subprocess.run(
            list(map(str, argv)), capture_output=True, text=True, errors="replace", timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout + done.stderr
