"""Which llama-server is asked: the one that is named, that is installed, or that `make` has built."""

import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ops.allocator.running import running
from ops.base.errors import OpsError, reason
from plan.text.show import LINE, plain, words

VARIABLE, NONE = "LLAMA_SERVER", "none"
_ANSWER_S = 60
_MOST = 1 << 20  # characters that are read of an answer; llama-server's help has fifty thousand
_VERSION = re.compile(r"(?:build|version:) (\d+)(?:, commit | \()(\w+)\)")
_RPC = re.compile("--rpc")
# Builds that say 0: the commit that `make` builds, of which git describe says b11312 (plan/vram/compute.py).
_BUILD_OF = {"0c1e57098": 11312}


class Program(NamedTuple):
    """A llama-server that has the RPC backend; `build` is llama.cpp's number, the 10524 of b10524."""

    path: Path
    build: int


def find(named: str | None = None) -> Program | None:
    """The llama-server to ask, None where there is none, or where LLAMA_SERVER is `none`.

    `named`, or else LLAMA_SERVER, is its path. Raises OpsError where that one cannot be asked; of those that nobody
    named the first that can be is taken.
    """
    if (wanted := named or os.environ.get(VARIABLE)) == NONE:
        return None
    if wanted:
        return _asked(Path(shutil.which(wanted) or wanted).absolute())  # it is started in another directory
    for path in _installed():
        try:
            return _asked(path)
        except OpsError:
            continue
    return None


def clean(environment: dict[str, str]) -> dict[str, str]:
    """The environment without variables that llama.cpp takes for flags, and without what a model server never needs."""
    return {key: value for key, value in environment.items() if not key.startswith(("LLAMA_", "GGML_", "HF_", "CUDA_"))}


def _installed() -> Iterator[Path]:
    if found := shutil.which("llama-server"):
        yield Path(found)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "local-llm" / "tools"
    yield from sorted(cache.glob("llama-*/llama-server"), reverse=True)  # where dev/tools/store.py puts it


def _asked(path: Path) -> Program:
    said, name = _said(path, "--version", _VERSION), plain(str(path))
    found = _VERSION.search(said)
    build = int(found[1]) or _BUILD_OF.get(found[2], 0) if found else 0
    if not build:
        what = f"{name} says no build of llama.cpp as its version: {words(said, LINE)}"
        raise OpsError(what, f"name another with {VARIABLE}, or {VARIABLE}={NONE}")
    if not _RPC.search(_said(path, "--help", _RPC)):
        raise OpsError(f"{name} has no RPC backend", f"build it with -DGGML_RPC=ON, or name another with {VARIABLE}")
    return Program(path, build)


def _said(path: Path, flag: str, wanted: re.Pattern[str]) -> str:
    """What it prints, up to the line that has what is wanted; raises OpsError where it prints for ever, or nothing."""
    said, end = "", time.monotonic() + _ANSWER_S
    try:
        with running([str(path), flag], clean({**os.environ}), _ANSWER_S) as lines:
            for line in lines:
                said += f"{line}\n"
                if wanted.search(line) or len(said) > _MOST:
                    return said
    except (OSError, ValueError) as error:
        why = reason(error)
    else:
        if time.monotonic() < end:
            return said
        why = f"no answer to {flag} within {_ANSWER_S} s"
    raise OpsError(f"{plain(str(path))}: {why}", f"name a llama-server with {VARIABLE}, or {VARIABLE}={NONE}")
