"""`python -m dev engine|preview|up|new-volume|down|clean|key|chat|verify|env`: what the Makefile calls."""

import argparse
import fcntl
import os
import re
import shlex
import signal
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from dev.machine.instance import CACHE, RUN, Instance
from dev.machine.steps import DevError, say, typed
from plan.base.commands import GIVEN, in_namespace, usual_cluster
from plan.base.errors import FixableError
from plan.text.show import lines


def main() -> int:
    """Run one command; returns the exit code: 0, Pulumi's of a preview, 1 after a DevError, 130 after Ctrl-C."""
    arguments = _parser().parse_args()
    # A shell lets background commands ignore Ctrl-C; ours have to end in order all the same.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda _number, _frame: signal.raise_signal(signal.SIGINT))  # ends as Ctrl-C does
    try:
        if arguments.command == "engine":
            arguments.cluster = "engine"
        os.environ[GIVEN] = _given(arguments)
        instance = Instance(arguments.instance or INSTANCES[arguments.cluster])
        return COMMANDS[arguments.command](instance, arguments) or 0
    except (FixableError, ValueError) as error:
        print(_message(error, arguments), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(typed(f"interrupted; `make {arguments.command}` again goes on from here"), file=sys.stderr)
        return 130


def engine(instance: Instance, arguments: argparse.Namespace) -> None:
    from dev.commands import played  # imported late: the other commands do not need it

    with _alone(instance):
        played.start(instance, arguments.stack)


def preview(instance: Instance, arguments: argparse.Namespace) -> int:
    from dev.commands import preview

    with _alone(instance):
        return preview.run(instance, arguments.cluster, arguments.stack, arguments.state)


def up(instance: Instance, arguments: argparse.Namespace) -> None:
    from dev.commands import current, played, up

    with _alone(instance):
        if arguments.cluster == "current":
            current.up(instance, arguments.stack, arguments.state)
        else:
            {"embedded": up.embedded, "engine": played.up}[arguments.cluster](instance, arguments.stack)


def new_volume(instance: Instance, arguments: argparse.Namespace) -> None:
    from dev.commands import new_volume

    with _alone(instance):
        new_volume.run(instance, arguments.cluster, arguments.stack, arguments.state)


def down(instance: Instance, arguments: argparse.Namespace) -> None:
    from dev.cluster import cluster
    from dev.machine import postgres

    with _alone(instance):
        postgres.stop(instance)
        cluster.down(instance)
    if arguments.cluster == "current":
        say(f"the way to the Service is closed; the stack {arguments.stack} goes on in its cluster")
    else:
        say(f"{instance.name} is down; models and state stay in {instance.state}")


def clean(instance: Instance, arguments: argparse.Namespace) -> None:
    down(instance, arguments)
    from dev.cluster import host

    host.remove(instance.state)  # never through a mount: a disk may hang there
    say(f"removed {instance.state}; built tools stay in {CACHE}")
    if arguments.cluster == "current":
        say(f"the stack {arguments.stack} goes on in its cluster; README.md says how to remove it")


def key(instance: Instance, arguments: argparse.Namespace) -> None:
    from dev.commands import up

    _require_running(instance, arguments)
    print(up.api_key(_kubeconfig(instance, arguments), up.namespace(arguments.stack)))


def chat(instance: Instance, arguments: argparse.Namespace) -> None:
    """Model and question come by the environment: a shell and make would each take something out of them."""
    from dev.commands import chat

    model, question = (os.environ.get(f"LOCAL_LLM_{name}", "") for name in ("MODEL", "ASK"))
    chat.run(instance, arguments.cluster, arguments.stack, _kubeconfig(instance, arguments), model, question)


def verify(instance: Instance, arguments: argparse.Namespace) -> int:
    from dev.commands import verify

    return verify.run(instance, arguments.cluster, arguments.stack, _kubeconfig(instance, arguments))


def env(instance: Instance, arguments: argparse.Namespace) -> None:
    """Print what a `pulumi`, `kubectl` or `local-llm` started by hand needs, for `eval "$(make -s env)"`."""
    from dev.commands import current
    from dev.pulumi import cli, stackfile

    if arguments.cluster == "current":
        to_state = current.environment(instance, arguments.state)
        ready = cli.PulumiCli(instance, arguments.stack, current.kubeconfig(), to_state, operators=True)
    else:
        ready = cli.local(instance, arguments.stack)
    if lacking := ready.lacks_passphrase():
        print(typed(f"there is no {lacking} yet, which pulumi needs: `make preview` makes it"), file=sys.stderr)
    if misleading := ready.misleading():
        print(f"unset {' '.join(misleading)}")
    file = {"STACK_FILE": str(stackfile.rendered(instance, arguments.stack))}  # for pulumi's --config-file
    for name, value in sorted({**ready.environment(), **file}.items()):
        print(f"export {name}={shlex.quote(value)}")


COMMANDS: dict[str, Callable[[Instance, argparse.Namespace], int | None]] = {
    "engine": engine,
    "preview": preview,
    "up": up,
    "new-volume": new_volume,
    "down": down,
    "clean": clean,
    "key": key,
    "chat": chat,
    "verify": verify,
    "env": env,
}
INSTANCES = {
    "embedded": "dev",
    "engine": "engine",
    "current": "current",
}  # each has its own instance, so that it keeps its own state


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        super().error(lines(message))  # what was typed may be a password, or act on the terminal


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m dev", description="The embedded machine.")
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("--cluster", choices=INSTANCES, default="embedded")
    parser.add_argument("--stack", default="dev", type=_stack_name)
    parser.add_argument("--instance", default="")
    parser.add_argument("--state", choices=["embedded"], default="", help="with --cluster current: keep the state here")
    return parser


def _message(error: Exception, arguments: argparse.Namespace) -> str:
    """The error, with commands that work as they are printed: kubectl may be there by `make env` alone."""
    text = f"error: {error}"
    if "kubectl logs " in text:
        from dev.commands import up

        before = "" if arguments.cluster == "current" else 'eval "$(make -s env)"; '
        text = in_namespace(text, up.namespace(arguments.stack), before)
    return typed(text)


def _given(arguments: argparse.Namespace) -> str:
    """The variables of make that say the same as `arguments`; without those that are its defaults."""
    said = {
        "STACK": arguments.stack if arguments.stack != "dev" else "",
        "CLUSTER": arguments.cluster if arguments.cluster != usual_cluster(arguments.stack) else "",
        "INSTANCE": arguments.instance,
        "STATE": arguments.state,
    }
    return " ".join(f"{name}={value}" for name, value in said.items() if value)


def _stack_name(name: str) -> str:
    # `_` and `%` are wildcards in the backend's LIKE: locks of another stack would be found and cancelled.
    if not re.fullmatch(r"[a-z][a-z0-9-]*", name):
        raise argparse.ArgumentTypeError(f"{name!r}: use a-z, 0-9 and '-' only, beginning with a letter")
    return name


def _kubeconfig(instance: Instance, arguments: argparse.Namespace) -> Path:
    from dev.commands import current

    return current.kubeconfig() if arguments.cluster == "current" else instance.kubeconfig


def _require_running(instance: Instance, arguments: argparse.Namespace) -> None:
    """Raise DevError where the cluster is one of this machine that does not run."""
    from dev.machine import daemons

    if arguments.cluster != "current" and not daemons.pid_of(instance, "kube-apiserver"):
        raise DevError(f"the machine {instance.name} does not run, and has no key then", "make up")


@contextmanager
def _alone(instance: Instance) -> Generator[None]:
    """Let one command at a time change an instance; raises DevError with the pid of the other command."""
    from dev.pulumi import passphrase

    RUN.mkdir(parents=True, exist_ok=True)
    with (RUN / f"{instance.name}.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise DevError(
                f"another command is changing {instance.name} (pid {lock.read().strip() or 'unknown'})",
                "wait for it to end, then run this again",
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        passphrase.keep(instance)  # before anything removes the directory, or says that a person may
        yield


sys.exit(main())
