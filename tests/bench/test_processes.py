"""What `make bench` counts of a preview: the time of everything that it started."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

PROCESSES = Path(__file__).parents[2] / "bench" / "preview" / "processes.py"
BUSY_S = 0.3
BUSY = f"import time\nwhile time.process_time() < {BUSY_S}: pass"


def spent(script: str) -> dict[str, Any]:
    argv = [sys.executable, "-I", "-S", str(PROCESSES), "sh", "-c", script, sys.executable, BUSY]
    return json.loads(subprocess.run(argv, capture_output=True, text=True, check=True).stdout)


def test_a_process_that_outlives_the_command_is_waited_for_and_counted() -> None:
    told = spent('"$0" -I -S -c "$1" kubectl & exit 3')

    assert told["code"] == 3
    assert told["cpu_s"] >= BUSY_S


def test_time_is_told_by_program() -> None:
    told = spent('"$0" -I -S -c "$1" kubectl & "$0" -I -S -c "$1" -m pip; wait')

    assert told["cpu_s"] >= 2 * BUSY_S
    assert {"kubectl", "language host: pip list"} <= told["programs"].keys()
