"""`make bench`: the no-change preview of prod against an empty program's, in one run, and where the time goes.

Two ratios, because seconds are the machine's: both previews alternate on the same Postgres with the same CLI. That of
CPU seconds, of all processes together, is the one to judge by: whatever else runs makes the other one differ by a
tenth. The cluster is the played one; a preview without changes asks the API server for one object.
"""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from bench.preview.parts import Spent, of_the_program, spend
from bench.preview.report import ratio, tables
from dev.cluster import cluster, host
from dev.cluster.played import stand_ins
from dev.commands.up import cluster_id, deploy
from dev.machine import postgres
from dev.machine.instance import Instance
from dev.machine.steps import step
from dev.pulumi.cli import PulumiCli
from dev.pulumi.stackfile import ROOT, render
from dev.tools import tools
from plan.base.errors import FixableError
from plan.config.stack_file import Facts

INSTANCE = Instance("bench")
STACK = "prod"
ROUNDS = 7
LIMIT, AIM = 2.0, 1.5
_IMAGE = f"llm.local/runtime@sha256:{'0' * 64}"
_EMPTY = "import pulumi\n"


def main() -> int:
    """Print the ratios and their parts; returns 1 when that of CPU seconds is over the limit."""
    # Put into the background by a script it ignores this, its children inherit that, and the engine waits five seconds
    # for each plugin that it asks to end.
    signal.signal(signal.SIGINT, signal.default_int_handler)
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
            pairs = _previews(cli, Path(empty))
        inside = of_the_program(STACK, facts, {**os.environ, **cli.environment()})
    finally:
        _forget()
    console = Console()
    for table in tables(STACK, pairs, inside):
        console.print(table)
    by_cpu = ratio(pairs, lambda spent: spent.cpu_s)
    by_wall = ratio(pairs, lambda spent: spent.wall_s)
    console.print(f"ratio by CPU seconds {by_cpu:.2f}, by wall {by_wall:.2f} (medians of {len(pairs)} pairs)")
    console.print(f"by CPU seconds it may be at most {LIMIT}, and should be {AIM}")
    return int(by_cpu > LIMIT)


def _forget() -> None:
    postgres.stop(INSTANCE)
    cluster.down(INSTANCE)
    host.remove(INSTANCE.state)


def _previews(cli: PulumiCli, empty: Path) -> list[tuple[Spent, Spent]]:
    (empty / "__main__.py").write_text(_EMPTY)
    (empty / "Pulumi.yaml").write_text(
        "name: empty\nruntime: python\nbackend: {url: 'postgres:///?connect_timeout=10'}\n"
    )
    env = {**os.environ, **cli.environment()}
    pulumi = str(tools.path("pulumi") / "pulumi")
    subprocess.run([pulumi, "stack", "init", "bench"], cwd=empty, env=env, check=True, capture_output=True)
    one = [*cli.argv("preview"), "--non-interactive", "--expect-no-changes"]
    two = [pulumi, "preview", "--stack", "bench", "--non-interactive"]
    pairs = [(spend(one, ROOT, env), spend(two, empty, env)) for _ in range(ROUNDS + 1)]
    return pairs[1:]  # the first warms caches


if __name__ == "__main__":
    try:
        sys.exit(main())
    except FixableError as error:
        sys.exit(f"error: {error}")
