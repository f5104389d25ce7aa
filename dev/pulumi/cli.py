"""The Pulumi CLI as this project runs it: which state, which cluster, which plugins, one run at a time.

Decides nothing about the stack; the program does that.
"""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dev.cluster import kubectl
from dev.machine import postgres
from dev.machine.instance import Instance
from dev.machine.steps import DevError, say
from dev.plugin import install
from dev.pulumi import backend, interrupted, retired
from dev.pulumi.stackfile import ROOT, rendered
from dev.tools import tools

VENV = Path(sys.prefix)
_PASSPHRASE = "PULUMI_CONFIG_PASSPHRASE"  # noqa: S105 - the name of a variable


def local(instance: Instance, stack: str) -> "PulumiCli":
    """The engine whose state and cluster are the instance's own, whatever a person's shell leads to."""
    to_state = {**postgres.environment(instance), backend.URL: backend.committed_url()}
    return PulumiCli(instance, stack, instance.kubeconfig, to_state)


@dataclass(frozen=True, slots=True)
class PulumiCli:
    """One stack of one instance; `kubeconfig` leads to the cluster, `postgres` holds libpq's variables, all of them."""

    instance: Instance
    stack: str
    kubeconfig: Path
    postgres: dict[str, str]

    @property
    def home(self) -> Path:
        return self.instance.state / "pulumi"

    def environment(self) -> dict[str, str]:
        """Everything a `pulumi` started by hand needs too."""
        programs = [VENV / "bin", tools.path("pulumi"), tools.path("kubectl"), tools.path("postgres") / "bin"]
        path = [*map(str, programs), os.environ.get("PATH", "")]
        return {
            **self.postgres,
            "PATH": os.pathsep.join(path),
            "KUBECONFIG": str(self.kubeconfig),
            "PULUMI_HOME": str(self.home),
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(_passphrase(self.instance)),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_ERROR_OUTPUT_STRING": "true",  # an Output in an f-string is an error, not a sentence about itself
            # Lists that run at once dead-lock in Postgres (pulumi 3.259, pkg/backend/diy/postgres).
            "PULUMI_DIY_BACKEND_PARALLEL": "1",
            "GOMAXPROCS": "4",
            "PYTHONDONTWRITEBYTECODE": "",  # set, every run would compile the program anew
        }

    def misleading(self) -> list[str]:
        """Variables of the caller that would lead a `pulumi` to another state, or to another passphrase than ours."""
        local = (_PASSPHRASE, backend.URL) if backend.URL in self.postgres else ()
        names = [name for name in os.environ if name.startswith("PG") or name in local]
        return sorted(set(names) - self.environment().keys())

    def ready(self) -> None:
        """Make plugins, backend and stack ready to be looked at; raises DevError where one is not usable."""
        python = VENV / "bin" / "python"
        say(install.install(self.home, python, install.sdk_version(python)))
        backend.check(self.environment())
        if self.stack not in backend.stacks(self.environment()):
            self._init()

    def prepare(self) -> None:
        """`ready`, and ready to be changed: what an earlier run left half-done is settled. Raises DevError."""
        self.ready()
        backend.clear_dead_locks(self.environment(), self.stack, lambda: self.run("cancel", "--yes", quiet=True))
        self._settle()

    def _init(self) -> None:
        # `init` knows no --config-file and writes the salt beside the project file it finds; that must be the rendered
        # stack file, not the committed one.
        shutil.copy(ROOT / "Pulumi.yaml", self.instance.state)
        self.run("stack", "init", self.stack, "--non-interactive", "--cwd", str(self.instance.state), quiet=True)

    def _settle(self) -> None:
        """Adopt what a killed run created and could not note, and forget what needs a plugin that is no more."""
        file = self.instance.state / "state.json"  # secrets in it are encrypted
        self.run("stack", "export", "--file", str(file), quiet=True)
        state = json.loads(file.read_text())
        killed, adopted = bool(state["deployment"].get("pending_operations")), list[str]()
        if retired_count := retired.forget(state["deployment"]):
            say(f"an earlier version kept the API key by another plugin: forgetting {retired_count} resources")
        if killed:
            adopted = interrupted.settle(state["deployment"], lambda wanted: kubectl.live(self.kubeconfig, wanted))
            say(f"an earlier run was killed; adopting {len(adopted)} objects which its state did not know")
        if killed or retired_count:
            file.write_text(json.dumps(state))
            self.run("stack", "import", "--file", str(file), quiet=True)
        if adopted:
            targets = [flag for urn in adopted for flag in ("--target", urn)]
            self.run("refresh", "--yes", "--skip-preview", "--non-interactive", *targets, quiet=True)
        file.unlink()

    def preview(self) -> int:
        """Show what an `up` would change, on the terminal; returns Pulumi's exit code."""
        return self._attended(("preview", "--diff", "--non-interactive"))[0]

    def run(self, *arguments: str, quiet: bool = False) -> str:
        """Run `pulumi ARGUMENTS` on the stack; returns its output when `quiet`, else it goes to the terminal.

        Raises DevError with the exit code.
        """
        code, output = self._attended(arguments, quiet=quiet)
        if code:
            raise DevError(
                f"pulumi {' '.join(arguments)} ended with exit code {code}{_tail(output)}",
                "read the message above, correct it, and run the command again",
            )
        return output

    def _attended(self, arguments: Sequence[str], *, quiet: bool = False) -> tuple[int, str]:
        """Exit code and output. Ctrl-C is passed on once, so that Pulumi ends what it began and saves it."""
        process = subprocess.Popen(
            self.argv(*arguments),
            cwd=ROOT,
            env=self._whole_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if quiet else None,
            stderr=subprocess.STDOUT if quiet else None,
            text=True,
            start_new_session=True,
        )
        output = _attend(process)
        return process.returncode, output

    def _whole_environment(self) -> dict[str, str]:
        misleading = self.misleading()
        return {**{name: value for name, value in os.environ.items() if name not in misleading}, **self.environment()}

    def argv(self, *arguments: str) -> Sequence[str]:
        """The command line: which stack, and for the verbs that read configuration, from which file."""
        stack = [] if arguments[:2] == ("stack", "init") else ["--stack", self.stack]
        reads = arguments[0] in {"preview", "up", "refresh", "destroy", "config"}
        file = ["--config-file", str(rendered(self.instance, self.stack))] if reads else []
        return [str(tools.path("pulumi") / "pulumi"), *arguments, *stack, *file]


def _attend(process: subprocess.Popen[str]) -> str:
    interrupted = False
    while True:
        try:
            return process.communicate()[0] or ""
        except KeyboardInterrupt:
            if interrupted:
                os.killpg(process.pid, signal.SIGKILL)
                raise
            interrupted = True
            say("stopping: what has begun is finished and saved; Ctrl-C again ends it at once")
            os.kill(process.pid, signal.SIGINT)
        finally:
            if interrupted and process.poll() is not None:
                raise KeyboardInterrupt


def _tail(output: str) -> str:
    lines = [line for line in output.splitlines() if line.strip()]
    return f": {lines[-1]}" if lines else ""


def _passphrase(instance: Instance) -> Path:
    """File with the passphrase of the stack's secrets, made once; losing it loses the secrets in the state."""
    path = instance.state / "passphrase"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(32))
    return path
