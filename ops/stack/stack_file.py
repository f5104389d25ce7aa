"""The stack files, for commands that have neither Pulumi nor the facts of a machine."""

import re
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from ops.base import files, here
from ops.base.errors import OpsError, reason
from plan import config
from plan.base.errors import ConfigError, FixableError
from plan.config import stack_file
from plan.config.places import with_lines
from plan.config.stack_file import NO_CLUSTER, Facts
from plan.text.show import plain, show

# An image without a tag, so that no build is read from it.
_STAND_INS = Facts(NO_CLUSTER, f"unknown@sha256:{'0' * 64}", PurePosixPath("/"), "unknown")


def path(stack: str) -> Path:
    """The file of a stack; raises OpsError for what cannot be a stack's name."""
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,100}", stack):  # pulumi 3.x, sdk/go/common/tokens/stack_name.go
        rule = "a stack's name has letters, digits, '-', '_' and '.', 100 at most"
        raise OpsError(f"--stack {show(stack)}: {rule}", "pass the part between Pulumi. and .yaml of its file's name")
    return here.path(stack_file.file_name(stack))


def names() -> list[str]:
    """Stacks that have a file here."""
    return stack_file.stack_names(here.path("").glob(stack_file.FILES))


def configuration(file: Path) -> dict[str, Any]:
    """What `file` says of the stack, as it is written; raises StackFileError or OpsError."""
    try:
        return stack_file.configuration(files.read(file), file)
    except FileNotFoundError:
        raise stack_file.missing(file, file.parent.glob(stack_file.FILES)) from None
    except (OSError, ValueError) as error:  # a ValueError for a NUL in the name
        raise OpsError(f"{plain(str(file))}: {reason(error)}", "name a stack file") from None


@contextmanager
def telling_lines(stack: str | None, file: Path | None = None) -> Generator[None]:
    """What is wrong with the configuration of one stack is told with lines of its file."""
    try:
        yield
    except ConfigError as error:
        if stack is None:
            raise
        place = file or path(stack)
        raise with_lines(error, place, lambda: files.read(place)) from None


def namespace(stack: str | None) -> str:
    """The stack's namespace, for a command to be copied; a placeholder where its file does not say it."""
    try:
        return str(configuration(path(stack or ""))["namespace"])
    except (FixableError, KeyError):
        return "NAMESPACE"


def read(stack: str, file: Path | None = None) -> config.Stack:
    """The stack of Pulumi.STACK.yaml, or of `file`; raises StackFileError, OpsError or ConfigError.

    Stand-ins take the place of what `make` would fill in from a machine: images, a place for the volume.
    """
    return _parsed(configuration(file or path(stack)))


def parse(text: str, file: Path) -> config.Stack:
    """`read` of a text that is not written to `file` yet."""
    return _parsed(stack_file.configuration(text, file))


def _parsed(written: dict[str, Any]) -> config.Stack:
    return config.parse(stack_file.complete(written, _STAND_INS))


def has_card(stack: str) -> bool:
    """Whether the stack has a GPU behind its slice; raises StackFileError or OpsError."""
    gpu: Any = configuration(path(stack)).get("gpu")
    return not (isinstance(gpu, dict) and gpu == {**gpu, "model": "none"})
