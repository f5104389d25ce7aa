"""The stack that these tests damage, and what dev/pulumi/mend.py says and does about it."""

import contextlib
import dataclasses
import io
from collections.abc import Callable

from dev.cluster.kubectl import kubectl
from dev.pulumi import mend
from dev.pulumi.cli import PulumiCli
from tests.engine.played import INSTANCE, Stack

NAME = "t-mend"


def here(*arguments: str) -> str:
    return kubectl(INSTANCE, *arguments, "-n", NAME)


def told(stack: Stack, look: Callable[[PulumiCli], PulumiCli]) -> tuple[str, Stack]:
    """What one of mend's functions says, and the stack with the CLI that it returns."""
    stack.write()
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        cli = look(stack.cli)
    return said.getvalue(), dataclasses.replace(stack, cli=cli)


def mended(stack: Stack) -> None:
    """One `up`, after which the stack is whole."""
    _, ready = told(stack, mend.before_up)
    ready.up()
    whole(stack)


def whole(stack: Stack) -> None:
    """Nothing is left to say or to do."""
    assert told(stack, mend.before_preview)[0] == ""
    assert stack.unchanged()
