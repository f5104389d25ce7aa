"""What a preview spends: CPU seconds of each of its processes, and of each step of the program."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dev.machine.steps import DevError
from dev.pulumi.cli import VENV
from dev.pulumi.stackfile import ROOT, complete
from plan.config.stack_file import Facts

_PROCESSES = Path(__file__).with_name("processes.py")
_ROUNDS = 5
# Each step also takes those before it, as the program does.
_STEPS = {
    "import pulumi": "import pulumi",
    "imports of plan/ (pydantic, yaml)": """
from components.common import runtime
runtime.lighten()
import plan.plan
""",
    "imports of components/ (the Kubernetes SDK)": """
import components.card.gpu_memory, components.card.immich_ttl, components.cluster.cluster_guard
import components.cluster.namespace, components.server.llama_swap, components.weights.model_fetch
import components.weights.models_volume, components.weights.weights_prune
""",
    "parse, read the lock and plan": """
import datetime, json, sys
from plan import config
from plan.models import lock
lock_text = open("models.lock.yaml").read()
plan.plan.make_plan(config.parse(json.loads(sys.argv[1])), lock.load(lock_text), datetime.date.today())
""",
}


@dataclass(frozen=True, slots=True)
class Spent:
    """Of one command and all that it started; `programs`: CPU seconds of each process, a few hundredths too low."""

    wall_s: float
    cpu_s: float
    programs: Mapping[str, float]


def spend(argv: Sequence[str], directory: Path, env: Mapping[str, str]) -> Spent:
    """Run the command and count; raises DevError when it fails."""
    measured = [sys.executable, "-I", "-S", str(_PROCESSES), *argv]
    done = subprocess.run(measured, cwd=directory, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DevError(f"{_PROCESSES.name} failed: {done.stderr}", "run it by hand")
    told = json.loads(done.stdout)
    if code := told.pop("code"):
        raise DevError(f"{' '.join(argv[:3])} ended with {code}: {done.stderr}", "run it by hand")
    return Spent(**told)


def of_the_program(stack: str, facts: Facts, env: Mapping[str, str]) -> dict[str, float]:
    """CPU seconds of each step of our program up to the plan, each the least of five runs."""
    raw = json.dumps(complete(stack, facts))
    python, code, before, found = str(VENV / "bin" / "python"), "", 0.0, dict[str, float]()
    for step, more in _STEPS.items():
        code += f"{more}\n"
        least = min(spend([python, "-c", code, raw], ROOT, env).cpu_s for _ in range(_ROUNDS))
        found[step], before = least - before, least
    return found
