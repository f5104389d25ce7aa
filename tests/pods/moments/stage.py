"""A script (script.py) is played: the programs run on a volume, and what must be true is looked at."""

import contextlib
import json
import os
import shutil
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pods.core import command
from pods.fetch.fetch import fetch
from pods.gate.gate import wait
from pods.prune.prune import prune
from pods.warm import warm as warming
from tests.pods.moments.mutations import MUTATIONS
from tests.pods.moments.scheduler import Program, Scheduler, WrongError
from tests.pods.moments.script import Script
from tests.pods.moments.watch import Watch
from tests.pods.moments.weights import CONTENTS, OLD_S, Weights, age, needed

COMMANDS = {"fetch": fetch, "prune": prune, "gate": wait, "warm": warming.warm}
# After 69, 74 and the gate's 1 another run can help; 65 is right where the hub has other bytes.
MAY_END = {"fetch": {0, 69, 74}, "prune": {0, 69}, "gate": {0, 1}, "person": {0}}
FOUND = "downloads/by hand.gguf"  # the bytes of a-Q4_K_M.gguf, where a person has put them


class Stage:
    def __init__(self, script: Script, root: Path, endpoint: str, commits: dict[str, str], mutation: str = "") -> None:
        self.script, self.root, self.endpoint, self.mutation = script, root, endpoint, mutation
        shutil.rmtree(root, ignore_errors=True)
        (root / ".blobs").mkdir(parents=True)
        self.weights = Weights(str(root), endpoint, commits)
        self.scheduler = Scheduler(script.seed, str(root), script.locks)
        self.watch = Watch(str(root), script.kept)

    def play(self) -> None:
        """Raises WrongError."""
        scheduler, script = self.scheduler, self.script
        self._lay_out()
        self._order(script.faults)
        scheduler.seen, scheduler.ended = self.watch.seen, self._ended
        scheduler.kills, scheduler.deadly, scheduler.dies_at = script.kills, script.deadly, script.dies_at
        for name, after_s in script.programs:
            scheduler.start(name, self._run(name), endless=name == "warm", after_s=after_s)
        scheduler.play()
        scheduler.kills = 0
        self._finish()

    def happened(self) -> Counter[str]:
        """What the programs said and how they ended."""
        lines = [line for it in self.scheduler.programs for line in it.printed().splitlines() if line.startswith("{")]
        ends = [f"{it.name.split()[0]} ended {it.code}" for it in self.scheduler.programs]
        return Counter([json.loads(line)["event"] for line in lines] + ends)

    def _lay_out(self) -> None:
        script, weights = self.script, self.weights
        if script.old:
            weights.have_old()
        if script.before in ("blobs", "published", "damaged", "linked", "in the trash"):
            weights.have("a", script.before in ("published", "damaged", "linked"))
        blob, found = weights.blob(script.damaged), self.root / FOUND
        if script.before == "damaged":
            weights.damage(script.damaged)
        if script.before == "a part":
            weights.have_part("a-Q4_K_M.gguf", script.segments)
        if script.before == "in the trash":
            trash = self.root / ".trash" / "blobs"
            trash.mkdir(parents=True)
            blob.rename(trash / f"{blob.name}.{int(time.time()) - script.trashed_ago_s}")
        found.parent.mkdir()
        if script.before == "linked":
            found.hardlink_to(blob)
        elif script.found:
            found.write_bytes(CONTENTS["a-Q4_K_M.gguf"])
        if script.before in ("damaged", "linked"):
            self.watch.excused.add(blob.stat().st_ino)

    def _run(self, name: str) -> Callable[[], None]:
        """What the process of this program does."""
        script, weights = self.script, self.weights
        how = {"patience_s": script.patience_s, "slots": script.slots}
        match name:
            case "person writes":
                return lambda: _write(self.root / FOUND)
            case "person waits":
                return lambda: _wait_long(self.root)
            case "fetch a" | "fetch a again" | "fetch b":
                return self._runs("fetch", weights.fetch(name[6], **how))
            case "fetch and verify a":
                return self._runs("fetch", weights.fetch("a", verify="always", **how))
            case "gate":
                return self._runs("gate", weights.gate(script.served))
            case "warm":
                return self._runs("warm", weights.warm(script.served))
            case _:
                return self._runs("prune", weights.prune(script.kept, script.mode))

    def _runs(self, name: str, manifest: dict[str, Any]) -> Callable[[], None]:
        """The program as its pod runs it."""

        def run() -> None:
            MUTATIONS[self.mutation]()
            warming.serve = lambda *_: None
            sys.argv = ["pods.pyz", name, "--manifest", json.dumps(manifest)]
            command.main(COMMANDS)

        return run

    def _order(self, rules: tuple[dict[str, Any], ...]) -> None:
        urllib.request.urlopen(f"{self.endpoint}/_faults", data=json.dumps(rules).encode()).close()  # noqa: S310

    def _ended(self, program: Program) -> None:
        kind = program.name.split()[0]
        if program.code == -9:
            if kind in ("fetch", "prune") and self.scheduler.chance.random() < 0.7:  # as its Job starts it anew
                self.scheduler.start(program.name, self._run(program.name))
            return
        allowed = MAY_END.get(kind, set()) | (
            {65} if kind == "fetch" and self.script.may_be_wrong_at_the_hub else set()
        )
        if program.code not in allowed or "Traceback" in program.printed():
            raise WrongError(f"{program.name} ended with {program.code}: {program.printed()}")

    def _finish(self) -> None:
        """Nobody meddles any more: what is promised is there, a fetch ends well, and prune leaves nothing else."""
        script, watch, weights = self.script, self.watch, self.weights
        watch.at_rest()
        self._order(())
        if any(it.name.startswith("prune") and it.code for it in self.scheduler.programs):
            self._alone("last prune", self._runs("prune", weights.prune(script.kept, "trash")))
        if script.before not in ("damaged", "linked"):
            watch.require_promises()
        verify = "always" if script.before == "damaged" else "receipt"
        for model in ("a", "b"):
            self._alone(f"last fetch of {model}", self._runs("fetch", weights.fetch(model, verify=verify)))
        shutil.rmtree(self.root / "downloads")
        for path in self.root.glob(".blobs/*"):
            age(path)
        watch.kept = needed("a") | needed("b")
        for number in (1, 2):
            self._alone(f"prune {number} of all", self._runs("prune", weights.prune(("a", "b"), "delete", 0)))
        watch.at_the_end()

    def _alone(self, name: str, run: Callable[[], None]) -> None:
        self.scheduler.ended = lambda _: None
        program = self.scheduler.start(name, run, alone=True)
        self.scheduler.play()
        if program.code != 0:
            raise WrongError(f"{name} ended with {program.code}: {program.printed()}")


def _write(path: Path) -> None:
    """A person writes into a file that they have put onto the volume."""
    with contextlib.suppress(OSError):
        fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
        for position in (0, 5_000, 13_000):
            os.pwrite(fd, b"other bytes", position)
        os.close(fd)
    os._exit(0)


def _wait_long(root: Path) -> None:
    """Everything that is on its way looks old to prune: whoever writes it was stopped for hours."""
    for path in sorted(os.listdir(root / ".blobs")):
        if path.endswith((".part", ".journal", ".tmp")):
            with contextlib.suppress(OSError):
                os.utime(root / ".blobs" / path, (time.time() - OLD_S,) * 2)
    os._exit(0)
