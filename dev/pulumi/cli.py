"""Runs the Pulumi CLI for one stack, with the right state, cluster and plugins. The program decides about the stack."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dev.cluster import kubectl
from dev.machine import postgres
from dev.machine.instance import Instance
from dev.machine.steps import DevError, say
from dev.plugin import install
from dev.pulumi import backend, interrupted, passphrase, retired
from dev.pulumi.stackfile import ROOT, rendered, secrets_provider
from dev.tools import tools
from plan.verdict.notes import TOLD

VENV = Path(sys.prefix)
# Who edits a field by hand owns it, and an apply that does not win is a conflict. Both plugins read this for one run
# (pulumi-kubernetes 4.32, provider/pkg/await/await.go, patchForce).
_WIN = {"PULUMI_K8S_ENABLE_PATCH_FORCE": "true"}


def local(instance: Instance, stack: str) -> "PulumiCli":
    """The CLI with the instance's own state and cluster, whatever the variables of a person's shell say."""
    to_state = {**postgres.environment(instance), backend.URL: backend.committed_url()}
    return PulumiCli(instance, stack, instance.kubeconfig, to_state)


@dataclass(frozen=True, slots=True)
class PulumiCli:
    """The CLI for one stack of one instance. `postgres` holds all of libpq's variables.

    `operators`: the state is for a cluster of an operator, whose own passphrase or secrets provider counts. `told` are
    the marks of notes that a person has read already, which the program does not repeat. With `mends`, objects were
    deleted or edited by hand: a preview asks the cluster for each, and edits are taken back.
    """

    instance: Instance
    stack: str
    kubeconfig: Path
    postgres: dict[str, str]
    operators: bool = False
    told: str = ""
    mends: bool = False

    @property
    def home(self) -> Path:
        return self.instance.state / "pulumi"

    def environment(self) -> dict[str, str]:
        """The variables that a `pulumi` needs, also one started by hand."""
        programs = [
            VENV / "bin",
            ROOT / "bin",
            tools.path("pulumi"),
            tools.path("postgres") / "bin",  # before a kubectl of the system's, beside which an older psql may lie
            tools.path("kubectl"),
        ]
        path = [*map(str, programs), os.environ.get("PATH", "")]
        return {
            **self.postgres,
            "PATH": os.pathsep.join(path),
            "KUBECONFIG": str(self.kubeconfig),
            "PULUMI_HOME": str(self.home),
            **self._passphrase(),
            # On another machine the stack file has no secrets provider yet: then the state's own counts, not a new one.
            "PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER": "true",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_ERROR_OUTPUT_STRING": "true",  # an Output in an f-string is an error
            # Lists that run at the same time deadlock in Postgres (pulumi 3.259, pkg/backend/diy/postgres).
            "PULUMI_DIY_BACKEND_PARALLEL": "1",
            "GOMAXPROCS": "4",
            "PYTHONDONTWRITEBYTECODE": "",  # set, it makes every run compile the program again
            **({TOLD: self.told} if self.told else {}),
            **(_WIN if self.mends else {}),
        }

    def _passphrase(self) -> dict[str, str]:
        """Where Pulumi finds the passphrase; nothing for an operator's variable, or where none is needed."""
        return passphrase.generated(self.instance) if self._generated() else passphrase.supplied(self.instance) or {}

    def _generated(self) -> bool:
        """Whether it is the generated one that counts."""
        return not self.operators or (
            passphrase.supplied(self.instance) is None
            and not passphrase.is_other(secrets_provider(self.instance, self.stack))
        )

    def lacks_passphrase(self) -> str:
        """The file of the passphrase where `ready` has yet to make it, else nothing."""
        path = self._passphrase().get(passphrase.FILE, "")
        return path if self._generated() and not Path(path).exists() else ""

    def misleading(self) -> list[str]:
        """Variables of the caller that would give a `pulumi` another state or another passphrase than ours."""
        ours = self.environment()
        wins = {passphrase.PHRASE} if passphrase.FILE in ours else set[str]()
        return sorted({name for name in os.environ if name.startswith("PG") or name in wins} - ours.keys())

    def ready(self) -> None:
        """Prepare plugins, backend and stack for a preview; raises DevError where one is not usable."""
        python = VENV / "bin" / "python"
        say(install.install(self.home, python, install.sdk_version(python)))
        if self.operators:
            passphrase.require_readable(self.instance)
        backend.check(self.environment())
        provider = backend.secrets_provider(self.environment(), self.stack)
        if self._generated() and provider in {None, "passphrase"}:
            passphrase.require(self.instance, self.stack, in_use=provider is not None, shared=self.operators)
        if provider is None:
            self._init()
        elif self.operators:
            self._unlock()

    def prepare(self) -> None:
        """Prepare for an `up`: `ready`, and settle what an earlier run left half done. Raises DevError."""
        self.ready()
        backend.clear_dead_locks(self.environment(), self.stack, lambda: self.run("cancel", "--yes", quiet=True))
        self._settle()

    def _init(self) -> None:
        # `init` has no --config-file: it writes the salt into the stack file beside the project file. That must be the
        # rendered stack file, not the committed one.
        shutil.copy(ROOT / "Pulumi.yaml", self.instance.state)
        provider = secrets_provider(self.instance, self.stack)
        other = ["--secrets-provider", provider] if passphrase.is_other(provider) else []  # else `init` forgets it
        where = ["--cwd", str(self.instance.state)]
        self.run("stack", "init", self.stack, "--non-interactive", *where, *other, quiet=True)

    def _unlock(self) -> None:
        """Refuse a wrong passphrase in our words; Pulumi's are "incorrect passphrase"."""
        # The first command that opens one of them; what it opens is written nowhere.
        code, output = self._attended(("stack", "export", "--show-secrets", "--file", "/dev/null"), quiet=True)
        if code and "incorrect passphrase" in output:
            raise passphrase.wrong(self.instance, self.stack)

    def state(self) -> dict[str, Any]:
        """What Pulumi knows of the stack, as `pulumi stack export` writes it; secrets in it are encrypted."""
        file = self.instance.state / "state.json"
        self.run("stack", "export", "--file", str(file), quiet=True)
        try:
            return json.loads(file.read_text())
        finally:
            file.unlink()

    def _settle(self) -> None:
        """Adopt what a killed run created without noting it, and forget resources of a plugin that is gone."""
        state = self.state()
        killed, adopted = bool(state["deployment"].get("pending_operations")), list[str]()
        if retired_count := retired.forget(state["deployment"]):
            say(f"an earlier version kept the API key by another plugin: forgetting {retired_count} resources")
        if killed:
            adopted = interrupted.settle(state["deployment"], lambda wanted: kubectl.live(self.kubeconfig, wanted))
            say(f"an earlier run was killed; adopting {len(adopted)} objects that its state does not have")
        if killed or retired_count:
            file = self.instance.state / "state.json"
            file.write_text(json.dumps(state))
            self.run("stack", "import", "--file", str(file), quiet=True)
            file.unlink()
        if adopted:
            targets = [flag for urn in adopted for flag in ("--target", urn)]
            self.run("refresh", "--yes", "--skip-preview", "--non-interactive", *targets, quiet=True)

    def preview(self) -> int:
        """Show what an `up` would change, in Pulumi's words on the terminal; returns Pulumi's exit code."""
        return self._attended(("preview", "--diff", "--non-interactive"))[0]

    def previewed(self) -> tuple[int, str]:
        """The same as JSON, with Pulumi's exit code; what the CLI complains of goes to the terminal."""
        return self._attended(("preview", "--json", "--non-interactive"), quiet=True, errors=None)

    def run(self, *arguments: str, quiet: bool = False, started: Callable[[int], None] | None = None) -> str:
        """Run `pulumi ARGUMENTS` on the stack; returns its output when `quiet`, else it goes to the terminal.

        `started` is called with its pid. Raises DevError with the exit code.
        """
        code, output = self._attended(arguments, quiet=quiet, started=started)
        if code:
            raise DevError(
                f"pulumi {' '.join(arguments)} ended with exit code {code}{_tail(output)}",
                'correct what is said above and run this again; eval "$(make -s env)" brings kubectl and pulumi',
            )
        return output

    def _attended(
        self,
        arguments: Sequence[str],
        *,
        quiet: bool = False,
        errors: int | None = subprocess.STDOUT,
        started: Callable[[int], None] | None = None,
    ) -> tuple[int, str]:
        """Run it and return exit code and output. The first Ctrl-C is passed on, so that Pulumi saves what it did."""
        process = subprocess.Popen(
            self.argv(*arguments),
            cwd=ROOT,
            env=self._whole_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if quiet else None,
            stderr=errors if quiet else None,
            text=True,
            start_new_session=True,
        )
        if started:
            started(process.pid)
        output = _attend(process)
        return process.returncode, output

    def _whole_environment(self) -> dict[str, str]:
        misleading = self.misleading()
        return {**{name: value for name, value in os.environ.items() if name not in misleading}, **self.environment()}

    def argv(self, *arguments: str) -> Sequence[str]:
        """The command line with the stack, and with the stack file for the commands that read configuration."""
        stack = [] if arguments[:2] == ("stack", "init") else ["--stack", self.stack]
        reads = arguments[0] in {"preview", "up", "refresh", "destroy", "config"}
        file = ["--config-file", str(rendered(self.instance, self.stack))] if reads else []
        looks = ["--refresh"] if self.mends and arguments[0] == "preview" else []
        return [str(tools.path("pulumi") / "pulumi"), *arguments, *looks, *stack, *file]


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
            say("stopping after what has begun is finished and saved; Ctrl-C again stops at once")
            os.kill(process.pid, signal.SIGINT)
        finally:
            if interrupted and process.poll() is not None:
                raise KeyboardInterrupt


def _tail(output: str) -> str:
    lines = [line for line in output.splitlines() if line.strip()]
    return f": {lines[-1]}" if lines else ""
