"""Tokens and keys from the environment, checked before they become headers. No message has a word of one."""

import os
import re

from ops.base.errors import OpsError
from plan.text.secret import flaw

HF_TOKEN = "HF_TOKEN"  # noqa: S105 - the name of a variable


def token(variable: str) -> str:
    """The variable's value, "" where it is not set; raises OpsError where it cannot be a header."""
    value = os.environ.get(variable, "")
    if wrong := flaw(value):
        clean = f'''export {variable}="$(printf %s "${variable}" | tr -d '[:space:]')"'''
        again = f"export {variable} again: a token is visible ASCII signs, without spaces"
        raise OpsError(
            f"${variable} has {wrong}, so it is not sent", clean if not flaw("".join(value.split())) else again
        )
    return value


def require_variable(name: str) -> None:
    """Raise OpsError, without the text, for what is not the name of a variable: it may be the key itself."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,99}", name):
        raise OpsError(
            "--key-env is the name of a variable, and this text is none", "export the key, and pass the variable's name"
        )
