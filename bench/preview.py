"""`make bench`: the no-change preview of prod against an empty program's, in one run, and where the time goes.

Ratios, because seconds are the machine's: both previews alternate on the same Postgres with the same CLI. The cluster
is the played one; a preview without changes asks the API server for one object.
"""

import datetime
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from dev.cluster import cluster, host
from dev.cluster.played import stand_ins
from dev.commands.up import cluster_id, deploy
from dev.machine import postgres
from dev.machine.instance import Instance
from dev.machine.steps import DevError, step
from dev.plugin import install
from dev.pulumi.cli import VENV, PulumiCli
from dev.pulumi.stackfile import ROOT, complete, render
from dev.tools import tools
from plan import config
from plan.base.errors import FixableError
from plan.config.stack_file import Facts
from plan.models import lock
from plan.plan import make_plan

INSTANCE = Instance("bench")
STACK = "prod"
ROUNDS = 7
LIMIT, AIM = 2.0, 1.5
_IMAGE = f"llm.local/runtime@sha256:{'0' * 64}"
_EMPTY = "import pulumi\n"


def main() -> int:
    """Print the ratio and its parts; returns 1 when the ratio is over the limit."""
    tools.ensure("debian", "postgres", "pulumi", "kubernetes", "kwok")
    _forget()
    postgres.start(INSTANCE, fsync=False)
    try:
        cluster.up(INSTANCE, nodes="kwok")
        stand_ins.ensure(INSTANCE, _IMAGE)
        facts = Facts(cluster_id(INSTANCE.kubeconfig))
        cli = PulumiCli(INSTANCE, STACK, INSTANCE.kubeconfig, postgres.environment(INSTANCE))
        render(INSTANCE, STACK, facts)
        deploy(cli)
        with tempfile.TemporaryDirectory() as empty, step(f"{ROUNDS} previews of each"):
            ours, theirs = _previews(cli, Path(empty))
        parts = _parts(cli, facts)
    finally:
        _forget()
    return _print(ours, theirs, parts)


def _forget() -> None:
    postgres.stop(INSTANCE)
    cluster.down(INSTANCE)
    host.remove(INSTANCE.state)


def _previews(cli: PulumiCli, empty: Path) -> tuple[list[float], list[float]]:
    (empty / "__main__.py").write_text(_EMPTY)
    (empty / "Pulumi.yaml").write_text(
        "name: empty\nruntime: python\nbackend: {url: 'postgres:///?connect_timeout=10'}\n"
    )
    env = {**os.environ, **cli.environment()}
    pulumi = str(tools.path("pulumi") / "pulumi")
    subprocess.run([pulumi, "stack", "init", "bench"], cwd=empty, env=env, check=True, capture_output=True)
    unchanged = ["--non-interactive", "--expect-no-changes"]
    one = [*cli.argv("preview"), *unchanged]
    two = [pulumi, "preview", "--stack", "bench", "--non-interactive"]
    pairs: list[tuple[float, float]] = []
    for number in range(ROUNDS + 1):
        pair = _seconds(lambda: _quietly(one, ROOT, env)), _seconds(lambda: _quietly(two, empty, env))
        if number:  # the first warms caches
            pairs.append(pair)
    return [a for a, _ in pairs], [b for _, b in pairs]


def _parts(cli: PulumiCli, facts: Facts) -> dict[str, float]:
    """Median seconds of what our preview does and an empty one does not, each measured alone."""
    env = {**os.environ, **cli.environment()}
    python = str(VENV / "bin" / "python")

    def run(code: str) -> float:
        return _median(lambda: _quietly([python, "-c", code], ROOT, env))

    pulumi = run("import pulumi")
    raw = complete(STACK, facts)
    text, today = (ROOT / "models.lock.yaml").read_text(), datetime.datetime.now(tz=datetime.UTC).date()
    plugin = install.path(cli.home, install.sdk_version(VENV / "bin" / "python"))
    programs = "import pulumi, components.llama_swap, components.model_fetch, components.cluster_guard"
    return {
        "imports of components and SDKs": run(programs) - pulumi,
        "imports of plan (pydantic)": run("import pulumi, plan.plan") - pulumi,
        "parse, load and plan": _median(lambda: make_plan(config.parse(raw), lock.load(text), today)),
        "start of the kubernetes plugin": _median(lambda: _started(plugin, env)),
    }


def _started(plugin: Path, env: dict[str, str]) -> None:
    process = subprocess.Popen([plugin, "127.0.0.1:1"], env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout  # noqa: S101 - what PIPE promises
    with process.stdout:
        process.stdout.readline()
    process.terminate()
    process.wait()


def _quietly(argv: list[str], cwd: Path, env: dict[str, str]) -> None:
    done = subprocess.run(argv, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DevError(f"{' '.join(argv[:3])} failed: {done.stdout}{done.stderr}", "run it by hand")


def _seconds(work: Callable[[], object]) -> float:
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


def _median(work: Callable[[], object], rounds: int = 5) -> float:
    return statistics.median(_seconds(work) for _ in range(rounds))


def _print(ours: list[float], theirs: list[float], parts: dict[str, float]) -> int:
    ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
    table = Table("no-change preview", "seconds (min)", "seconds (median)")
    for name, values in ((f"{STACK} stack", ours), ("empty program", theirs)):
        table.add_row(name, f"{min(values):.2f}", f"{statistics.median(values):.2f}")
    table.add_section()
    for name, seconds in parts.items():
        table.add_row(f"  {name}", "", f"{seconds:.2f}")
    console = Console()
    console.print(table)
    console.print(f"ratio {ratio:.2f} (median of {len(ours)} pairs; at most {LIMIT}, aim {AIM})")
    return int(ratio > LIMIT)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except FixableError as error:
        sys.exit(f"error: {error}")
