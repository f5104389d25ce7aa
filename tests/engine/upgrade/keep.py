"""`python -m tests.engine.upgrade.keep COMMIT`: keep what the program of a commit deploys to the played cluster.

All is done by the commit's own code in a checkout of its own: its program, its plugin, its `python -m dev`.
"""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from plan import config
from tests.stacks import ROOT

HERE = Path(__file__).parent
INSTANCE = "keep-upgrade"
RESOURCE, BUDGET_MIB = "viktorbarzin.me/gpumem", 14000
MEMORY = {"resource": RESOURCE, "budget_mib": BUDGET_MIB, "advertise": "managed"}
# Stack -> the committed stack it is a copy of, and what it has of `gpu` besides.
STACKS: dict[str, tuple[str, dict[str, Any]]] = {"nfs": ("prod", {}), "local": ("local", {"memory": MEMORY})}
# As an administrator does by hand; a played advertiser advertises nothing.
OFFER = json.dumps({"status": {key: {RESOURCE: str(BUDGET_MIB)} for key in ("capacity", "allocatable")}})


def main(commit: str) -> None:
    with _checkout(commit) as (name, directory):
        (HERE / name).mkdir(exist_ok=True)
        for stack, (base, of_gpu) in STACKS.items():
            content = yaml.safe_load((directory / f"Pulumi.{base}.yaml").read_text())
            content["config"][config.KEY]["gpu"] |= of_gpu
            (directory / f"Pulumi.{stack}.yaml").write_text(yaml.safe_dump(content))
            kept = HERE / name / f"{stack}.json"
            kept.write_text(_lean(json.dumps(_deployed(directory, stack), indent=1) + "\n"))
            print(f"kept {kept.relative_to(ROOT)}, {kept.stat().st_size} bytes")


@contextmanager
def _checkout(commit: str) -> Generator[tuple[str, Path]]:
    """The commit's short name and a checkout of it, with this one's virtual environment."""
    name = _run("git", "rev-parse", "--short=7", commit).strip()
    with tempfile.TemporaryDirectory(prefix="upgrade-") as place:
        directory = Path(place) / name
        _run("git", "worktree", "add", "--detach", str(directory), commit)
        try:
            (directory / ".venv").symlink_to((ROOT / ".venv").resolve())
            yield name, directory
        finally:
            _run("git", "worktree", "remove", "--force", str(directory))


def _deployed(checkout: Path, stack: str) -> dict[str, Any]:
    """Deploy the stack to a cluster of its own; its state, stack file and lock."""
    dev = [".venv/bin/python", "-m", "dev", "--cluster", "engine", "--stack", stack, "--instance", INSTANCE]
    try:
        _run(*dev, "engine", cwd=checkout)
        shell = _run(*dev, "env", cwd=checkout)
        offer = f"kubectl patch node k8s-node1 --subresource=status --type=merge --patch='{OFFER}'"
        _run("sh", "-ec", f"{shell}\n{offer}", cwd=checkout)
        _run(*dev, "up", cwd=checkout)
        export = f"pulumi stack export --show-secrets --stack {stack}"
        state = json.loads(_run("sh", "-ec", f"{shell}\n{export}", cwd=checkout))
        file = yaml.safe_load(_run("sh", "-ec", f'{shell}\ncat "$STACK_FILE"', cwd=checkout))
    finally:
        _run(*dev, "clean", cwd=checkout)
    del state["deployment"]["secrets_providers"]  # the stack that it is imported into has its own
    for resource in state["deployment"]["resources"]:  # where in a program, on which machine: noise
        resource.pop("sourcePosition", None)
        resource.pop("stackTrace", None)
    lock = (checkout / "models.lock.yaml").read_text()
    return {"stack": file["config"][config.KEY], "lock": lock, "state": state}


def _lean(text: str) -> str:
    """The same without the bytes of archives, which are a third of it: that they are others is all that matters."""
    return re.sub(r'"[A-Za-z0-9+/]{4096,}={0,2}"', '"YXJjaGl2ZQ=="', text)


def _run(*argv: str, cwd: Path = ROOT) -> str:
    return subprocess.run(argv, cwd=cwd, stdout=subprocess.PIPE, text=True, check=True).stdout


if __name__ == "__main__":
    main(sys.argv[1])
