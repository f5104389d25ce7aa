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

    place = _place(program, beside)
    return place if place and accepts(place / program, argv, accepted) else None


def accepts(program: Path, argv: tuple[str, ...], accepted: Accepted) -> bool:
    """Whether the version of this program is accepted."""

    def check() -> bool:
        version = version_of(program, argv)
        return version is not None and accepted.admits(version)

    return _judged(program, f"{argv} {accepted}", check)


def version_of(program: Path, argv: tuple[str, ...]) -> str | None:
    """The first number with dots that `program argv...` prints, None where there is none."""
    version = re.search(r"\d+\.\d+(\.\d+)?", _output(program, *argv))
    return version[0] if version else None


def llama_cpp(accepted: Accepted, beside: tuple[str, ...]) -> Path | None:
    """Directory of an installed llama-server of an accepted version that has the router and runs in a container."""

    place = _place("llama-server", beside)
    if place is None:
        return None
    path = place / "llama-server"

    def check() -> bool:
        version = re.search(r"version: (\d+\.\d+\.\d+)", _output(path, "--version"))
        if version is None or not accepted.admits(version[1]):
            return False
        libraries = _output(Path("/usr/bin/ldd"), str(path)).splitlines()
        return "--models-preset" in _output(path, "--help") and all(map(_BASE_LIBRARIES.match, libraries))

    return place if _judged(path, f"router {accepted}", check) else None


def any_version(program: str) -> Path | None:
    """Directory of `program` on PATH, whatever its version."""
    found = shutil.which(program)
    return Path(found).parent if found else None


def _place(program: str, beside: tuple[str, ...]) -> Path | None:
    place = any_version(program)
    return place if place and all(os.access(place / other, os.X_OK) for other in beside) else None


def _judged(program: Path, question: str, check: Callable[[], bool]) -> bool:
    status = program.stat()
    key = f"{program} {status.st_mtime_ns} {status.st_size} {question}"
    verdicts = _verdicts()
    if key not in verdicts:
        verdicts[key] = check()
        CACHE.mkdir(parents=True, exist_ok=True)
        fresh = _file().with_suffix(f".{os.getpid()}")
        fresh.write_text(json.dumps(verdicts, indent=1, sort_keys=True))
        fresh.rename(_file())
    return verdicts[key]


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
            list(map(str, argv)), capture_output=True, text=True, errors="replace", timeout=120, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout + done.stderr
