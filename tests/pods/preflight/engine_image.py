"""An engine image laid out in a directory, with stubs or the real programs, and the preflight's command run in it."""

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from plan.engine.flags import CONFIG_DIR
from plan.engine.preflight import BuildNeed, plan_preflight
from plan.engine.server import ServerPlan
from tests.plans import expanded, planned

OFFICIAL = "version: 10524 (9d57ce456)\nbuilt with GNU 14.2.0 for Linux x86_64"
SINCE_0_4 = "version: 0.5.0-dev (build 11026, commit 0c1e57098)\nbuilt with GNU 12.2.0 for Linux x86_64"
UNKNOWN = "version: 0.5.0-dev (build 0, commit 0c1e57098)"
# What the script may use besides its shell: Debian and Ubuntu call these packages essential.
_PROGRAMS = ("cat", "cut", "grep", "head", "sed", "sleep", "tail")
# Behaves as the real programs do where the script looks: flags before --help, words on stderr, configuration read
# before it listens, an end by SIGTERM only.
_STUB = """\
#!{python} -IS
import json, pathlib, signal, socket, sys, time
words, told = sys.argv[1:], json.loads(pathlib.Path(__file__).with_name("stub.json").read_text())
with pathlib.Path(__file__).with_name("calls").open("a") as calls:
    calls.write(json.dumps(words) + "\\n")
if words == ["--version"]:
    print(told["version"], file=sys.stderr)
    sys.exit(told["starts"])
if words[-1] == "--help":
    print("usage: error: this is no error\\n" * 100 + told["help"])
    if bad := [word for word in words if word in told["unknown"]]:
        print("load_backend: failed to load libggml-cuda.so: error 2", file=sys.stderr)
        print(f"error: invalid argument: {{bad[0]}}", file=sys.stderr)
    sys.exit(bool(bad))
time.sleep(told["slow_s"])
if told["dies"]:
    sys.exit(told["dies"])
print("reads its configuration", flush=True)
assert [word for word in words if word.endswith(told["port"])], words
with socket.create_server(("127.0.0.1", int(told["port"]))):
    signal.pause()
"""


@dataclass
class EngineImage:
    """`told` is how the stubs behave; `put` replaces one by a real program."""

    root: Path
    plan: ServerPlan
    told: dict[str, Any] = field(default_factory=dict[str, Any])
    command: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        (self.root / "app").mkdir(parents=True)
        for name in ("llama-server", "llama-swap"):
            program = self.root / "app" / name
            program.write_text(_STUB.format(python=sys.executable))
            program.chmod(0o755)
        (self.root / "bin").mkdir()
        for name in _PROGRAMS:
            (self.root / "bin" / name).symlink_to(shutil.which(name) or "")
        self.command = self.plan.preflight.command
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = str(free.getsockname()[1])
        self.told = {
            "version": OFFICIAL,
            "unknown": [],
            "slow_s": 0,
            "dies": "",
            "starts": 0,
            "help": "(env: LLAMA_ARG_LOAD_MODE)",
            "port": self.port,
        }

    def builds(self, builds: BuildNeed) -> None:
        """Plan it again, for these builds."""
        _, _, _, _, image, server, *_, engine = self.plan.preflight.command[:11]
        again = plan_preflight(image, builds, server, tuple(engine.split()), {}, {}, 60)
        self.command = (*again.command, *self.plan.preflight.command[11:])

    def put(self, name: str, program: Path | str) -> None:
        place = self.root / "app" / name
        place.unlink()
        place.symlink_to(program)

    def files(self, **changed: str) -> None:
        """The mounted ConfigMap; `changed` names files by their stem."""
        directory = self.root / "etc"
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir()
        for name, text in self.plan.files.items():
            (directory / name).write_text(changed.get(Path(name).stem.replace("-", "_"), text))

    def run(self, shell: Sequence[str] = ("/bin/sh",)) -> tuple[int, str, str]:
        """Exit code, what the log has, and the termination message."""
        if not (self.root / "etc").exists():
            self.files()
        (self.root / "app" / "stub.json").write_text(json.dumps(self.told))
        (self.root / "tmp").mkdir(exist_ok=True)
        message = self.root / "termination-log"
        message.write_text("")
        places = {"/app/": f"{self.root}/app/", CONFIG_DIR: f"{self.root}/etc", "8080": self.port}
        words = [expanded(_moved(word, places), {}) for word in self.command[3:]]
        env = {"PATH": str(self.root / "bin"), "TERMINATION_LOG": str(message), "TMPDIR": str(self.root / "tmp")}
        argv = [shutil.which(shell[0]) or "", *shell[1:], "-c", self.command[2], *words]
        env.update(self.plan.preflight.env)
        done = subprocess.run(
            argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=300
        )
        return done.returncode, done.stdout, message.read_text()

    def calls(self) -> list[list[str]]:
        """Every command line that a stub was started with."""
        return [json.loads(line) for line in (self.root / "app" / "calls").read_text().splitlines()]


def _moved(word: str, places: dict[str, str]) -> str:
    for old, new in places.items():
        word = word.replace(old, new)
    return word


def engine_image(root: Path, stack: str, **changes: Any) -> EngineImage:
    """The image of one of the tests' stacks, `changes` made to its configuration."""
    return EngineImage(root, planned(stack, **changes).server)
