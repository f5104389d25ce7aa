"""`python -m tests.corpus.fuzz [TARGET]...`: each target for FUZZ_S seconds, one after another; `make fuzz` runs all.

A third of the time is hypothesis's, which knows the form of the input, the rest atheris's, which sees what it reaches.
Ends with 1 where a new case was found: it lies in tests/corpus/found then, and `make test` fails until it is mended.
"""

import importlib.util
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.corpus.fuzz.found import FOUND
from tests.corpus.fuzz.targets import TARGETS
from tests.stacks import ROOT

_PULSE = re.compile(r"#(\d+)\s+\w+\s+cov: (\d+) ft: \d+ corp: (\d+)/.*exec/s: (\d+)")


def main(names: list[str]) -> int:
    if unknown := set(names) - TARGETS.keys():
        print(f"there is no target {', '.join(sorted(unknown))}; name some of {', '.join(TARGETS)}", file=sys.stderr)
        return 2
    seconds, before = float(os.environ.get("FUZZ_S", "60")), set(FOUND.rglob("*"))
    for name in names or list(TARGETS):
        _run(name, "hypothesis", seconds / 3)
        if importlib.util.find_spec("atheris"):
            _run(name, "atheris", seconds * 2 / 3)
        else:
            print(f"{name}, atheris: skipped, it is not installed: it has no wheel for {platform.platform()}")
    new = sorted(set(FOUND.rglob("*")) - before)
    for path in new:
        if path.is_file():
            print(f"new case: {path.relative_to(ROOT)}")
    return 1 if new else 0


def _run(name: str, how: str, seconds: float) -> None:
    """One child; its lines are shown as they come, atheris's in short."""
    kept = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "local-llm" / "fuzz" / name
    argv = [sys.executable, "-m", "tests.corpus.fuzz.drive", name, how, str(seconds), str(kept)]
    with subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", cwd=ROOT
    ) as child:
        assert child.stdout
        said = list[str]()
        for line in child.stdout:
            said = [*said[-20:], line]
            for shown in _short(name, how, line):
                print(shown, flush=True)
    if child.returncode:
        print(f"{name}, {how}: ended with exit code {child.returncode}\n{''.join(said)}")


def _short(name: str, how: str, line: str) -> Iterator[str]:
    if line.startswith(("FOUND", f"{name}, ")):
        yield line.rstrip()
    elif (pulse := _PULSE.match(line)) and ("pulse" in line or "DONE" in line):
        yield f"{name}, {how}: {pulse[1]} inputs, {pulse[4]} a second, coverage {pulse[2]}, {pulse[3]} kept"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
