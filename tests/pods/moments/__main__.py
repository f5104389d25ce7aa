"""Plays interleavings by their seeds, a number or `first-last`, or all kill points of what KILLED in script.py names.

A single seed prints its steps. It ends with 1 after a wrong one.
"""

import argparse
import contextlib
import dataclasses
import gc
import hashlib
import itertools
import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.pods.moments.scheduler import WrongError
from tests.pods.moments.script import KILLED, Script, drawn
from tests.pods.moments.stage import Stage
from tests.pods.moments.weights import MODELS, offer


class Show:
    """Plays one script after another, and counts."""

    def __init__(self, root: Path, endpoint: str, mutation: str) -> None:
        self.root, self.endpoint, self.mutation = root, endpoint, mutation
        self.commits = {model: _commit(endpoint, model) for model in MODELS}
        self.played = self.wrong = self.steps = self.looks = 0
        self.happened, self.traces = Counter[str](), hashlib.sha256()

    def play(self, script: Script) -> Stage:
        stage, self.played = Stage(script, self.root, self.endpoint, self.commits, self.mutation), self.played + 1
        try:
            stage.play()
        except WrongError as error:
            self.wrong += 1
            print("\n".join([*stage.scheduler.trace[-40:], f"seed {script.seed}: {error}", str(script)]), flush=True)
        finally:
            self.happened += stage.happened()
            stage.scheduler.close()
        self.steps, self.looks = self.steps + len(stage.scheduler.trace), self.looks + stage.watch.looks
        self.traces.update("\n".join(stage.scheduler.trace).encode())
        return stage

    def kill(self, name: str, stride: int) -> None:
        """At every change in turn, until it lives to its end."""
        for number in itertools.count(0, stride):
            stage = self.play(dataclasses.replace(KILLED[name], dies_at=number))
            if not stage.scheduler.died:
                return

    def summary(self) -> str:
        counts = {key: getattr(self, key) for key in ("played", "wrong", "steps", "looks")}
        return json.dumps({**counts, "traces": self.traces.hexdigest(), "happened": self.happened})


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.pods.moments", description=__doc__)
    parser.add_argument("what", help="a seed, first-last, or one of: " + ", ".join(KILLED))
    parser.add_argument("--stride", type=int, default=1, help="every so manieth kill point")
    parser.add_argument("--mutation", default="", help="a fault to put into the programs")
    parser.add_argument("--keep-on", action="store_true", help="after a wrong one too")
    arguments = parser.parse_args()
    gc.freeze()  # what is the same in all programs stays shared by their processes
    with _place() as (place, endpoint):
        show = Show(place, endpoint, arguments.mutation)
        if arguments.what in KILLED:
            show.kill(arguments.what, arguments.stride)
        else:
            first, _, last = arguments.what.partition("-")
            for seed in range(int(first), int(last or first) + 1):
                stage = show.play(drawn(seed))
                if show.wrong and not arguments.keep_on:
                    break
            if not last:
                print("\n".join(stage.scheduler.trace))
        print(show.summary())
        return min(show.wrong, 1)


@contextlib.contextmanager
def _place() -> Iterator[tuple[Path, str]]:
    """A directory for a volume, in memory where there is one, and a hub beside it, in a process of its own."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - nothing here has to survive
    with tempfile.TemporaryDirectory(prefix="moments-", dir=memory) as name:
        offer(Path(name, "hub"))
        argv = [sys.executable, "-m", "dev.hub", "--root", f"{name}/hub", "--port", "0", "--cdn-port", "0"]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as hub:
            try:
                assert hub.stdout
                yield Path(name, "volume"), hub.stdout.readline().split()[-1]
            finally:
                hub.terminate()


def _commit(endpoint: str, model: str) -> str:
    with urllib.request.urlopen(f"{endpoint}/api/models/local/{model}-GGUF") as answer:  # noqa: S310 - our own hub
        return str(json.load(answer)["sha"])


sys.exit(main())
