"""Every command of make that dev's messages name, run dry as it is printed, is about what the printing command was."""

import os
import re
import shlex
import subprocess

import pytest

from plan.base.commands import GIVEN, with_variables
from tests.house.hints import FILLED, texts
from tests.stacks import ROOT

WHERE = (
    "STACK=prod CLUSTER=current INSTANCE=mine STATE=embedded",
    "STACK=prod INSTANCE=mine",
    "CLUSTER=engine INSTANCE=mine",
    "",
)
COMMAND = re.compile(r"\bmake (?:-s )?[a-z]+(?: [A-Z_]+=[\w./-]+)*")
ABOUT = {"up", "preview", "verify", "engine", "down", "clean", "key", "env"}


def commands(given: str) -> set[str]:
    """The commands of make in every text of dev and ops, as a command that was `given` so would print them."""
    said = (text.said.replace(FILLED, "prod") for text in texts(("dev", "ops")))
    found = {command for text in said for command in COMMAND.findall(with_variables(text, given))}
    return {command for command in found if set(command.split()) & ABOUT}


def asked(command: str) -> dict[str, str]:
    """The options with which `make` would start dev."""
    words = shlex.split(command)
    argv = [words[0], "--dry-run", "--no-print-directory", *words[1:]]
    env = {name: value for name, value in os.environ.items() if name not in {"STACK", "CLUSTER", "INSTANCE", "STATE"}}
    ran = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    (line,) = (line for line in ran.stdout.splitlines() if " -m dev " in line)
    words = shlex.split(line)[3:]
    return dict(zip(words[:-1:2], words[1::2], strict=True))


@pytest.mark.parametrize("given", WHERE, ids=lambda given: given or "nothing")
def test_a_command_that_is_printed_is_about_the_same_stack_cluster_and_instance(given: str) -> None:
    ours = asked(f"make up {given}".strip())
    found = commands(given)
    assert len(found) > 10, "are they still looked for?"

    for command in found:
        theirs = asked(command)
        if "STACK=" in command.removesuffix(given) or "CLUSTER=" in command.removesuffix(given):
            theirs.pop("--stack"), theirs.pop("--cluster")
            if theirs:
                assert ours.items() >= theirs.items(), command
        else:
            if " engine" in command:  # it is always of that cluster
                theirs["--cluster"] = ours["--cluster"]
            assert theirs == ours, command


def test_what_make_was_given_reaches_the_messages_of_every_program_that_it_starts() -> None:
    """`make verify` starts ops, `make up` Pulumi and its plugin."""
    argv = [".venv/bin/python", "-m", "dev", "--stack", "prod", "--cluster", "engine", "--instance", "t-printed", "key"]

    refused = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)

    assert refused.returncode == 1
    assert "next: make up STACK=prod INSTANCE=t-printed\n" in refused.stderr
    verify = ["bin/local-llm", "verify", "--url", "http://127.0.0.1:9/v1"]
    asked_by_make = {**os.environ, GIVEN: "STACK=prod INSTANCE=mine"}
    said = subprocess.run(verify, cwd=ROOT, env=asked_by_make, capture_output=True, text=True, check=False).stderr
    assert "the stack is up: make up STACK=prod INSTANCE=mine" in said
