"""One command of `python -m ops`, run as a person does."""

import os
import subprocess
import sys
from pathlib import Path

from tests import stacks


def run(
    *arguments: object, code: int, cwd: Path, said: str = "", timeout_s: float = 300, **env: str
) -> subprocess.CompletedProcess[str]:
    """Run it in `cwd` with `said` on its standard input; it must end with `code`, and never in a traceback."""
    ran = subprocess.run(
        [sys.executable, "-m", "ops", *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(stacks.ROOT), **env},
        input=said,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    printed = ran.stdout + ran.stderr
    assert "Traceback" not in printed, printed
    assert ran.returncode == code, printed
    return ran


def fit(*arguments: object, code: int = 0, cwd: Path = stacks.EXAMPLE, **env: str) -> str:
    """Run `ops fit`; what it printed, the errors last."""
    ran = run("fit", *arguments, code=code, cwd=cwd, **{"COLUMNS": "100", **env})
    return ran.stdout if "--json" in arguments else ran.stdout + ran.stderr
