"""The README's way on one machine, carried out word for word in a clone: every command of it, in its order."""

import os
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dev.machine import daemons
from dev.machine.instance import Instance
from dev.tools import tools
from dev.tools.llama import GEMMA_FILES
from tests.checkout import copy_to
from tests.cluster.embedded import CHAT, INSTANCE, answered, dev
from tests.cluster.readme import parts

PLAYED = Instance(f"{INSTANCE.name.removesuffix('-up')}-try")
# What these do the tests beside this one show: it would take the machine from them.
ELSEWHERE = {"make test", "make down", "make clean"}


@pytest.fixture
def clone(output: str, tmp_path: Path) -> Iterator[Path]:
    """A clone of its own, on the machine that runs, and with a played cluster of its own."""
    assert answered(output)
    yield copy_to(tmp_path / "clone")
    assert dev("clean", "--cluster", "engine", "--instance", PLAYED.name).returncode == 0
    PLAYED.passphrase.unlink(missing_ok=True)


def named(command: str, directory: Path) -> str:
    """With names of a reader's own in place of the README's."""
    ours = {
        " DIR": f" {directory}/rendered",
        "card.html": f"{directory}/card.html",
        "FILE_OR_URL": str(tools.path("gemma") / GEMMA_FILES[0]),
        "<id>": CHAT,
        "http://...": f"http://127.0.0.1:{INSTANCE.ports.endpoint}/v1",
        "VARIABLE": "MY_KEY STACK=dev",  # which asks for no speed: this machine has none to promise
        "...": "Name three colours of the rainbow.",
    }
    for theirs, own in ours.items():
        command = command.replace(theirs, own)
    return command


def is_played(command: str) -> bool:
    return bool(re.search(r"STACK=prod|CLUSTER=engine|make engine", command))


def types(clone: Path, commands: list[str]) -> subprocess.CompletedProcess[str]:
    """All of them in one shell, as a person would, which ends at the first that fails."""
    typed = [f'export MY_KEY="$(INSTANCE={INSTANCE.name} make -s key)"']
    for command in commands:
        typed += [
            f"export INSTANCE={(PLAYED if is_played(command) else INSTANCE).name}",
            f"echo {shlex.quote(f'$ {command}')}",
            command,
        ]
    return subprocess.run(
        ["sh", "-ec", "\n".join(typed)], cwd=clone, env=dict(os.environ), capture_output=True, text=True, check=False
    )


def test_every_command_of_the_readmes_first_part_works_as_it_stands(
    clone: Path, record_property: Callable[[str, object], None]
) -> None:
    section = parts.section("\n## Try it")
    found = [*parts.in_blocks(section), *parts.in_sentences(section)]
    asked = [named(command, clone.parent) for command in found if command not in ELSEWHERE]
    record_property(
        "shown", f"README: {len(asked)} commands of its first part carried out, {len(set(found) & ELSEWHERE)} elsewhere"
    )

    done = types(clone, asked)

    said = done.stdout
    assert done.returncode == 0, said + done.stderr
    assert answered(said), "`make up` ends with two answers"
    assert f"{CHAT}: " in said.rpartition("$ make chat")[2], "and `make chat` with one"
    assert "no model answers" in said, "the other stack is played"
    assert (clone.parent / "card.html").read_text().startswith("<!DOCTYPE html>")
    assert list((clone.parent / "rendered").glob("**/*.yaml"))
    assert daemons.members(PLAYED) == set(), "`make down CLUSTER=engine` stops all of it"
