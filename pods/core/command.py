"""The command line that all programs share.

`python3 -I -S pods.pyz COMMAND --manifest JSON|@FILE` on Python 3.11 to 3.13, with the standard library and the modules
of the same archive.

Exit codes (sysexits.h): 65 other bytes than locked, 66 not found, 69 unavailable, 70 a fault of ours, 73 no space or
not writable, 74 input or output error, 77 not allowed, 78 unusable manifest or something in the way, 143 ended by
SIGTERM; the gate: 1 not complete. Trying again can help after 1, 69, 70, 74 and 143 only.
"""

import argparse
from collections.abc import Callable, Mapping

from pods.core import json_text
from pods.core.report import ExitError, run


def main(commands: Mapping[str, Callable[[str], None]]) -> None:
    """Run the command that the command line names on the text of its manifest, and end the process."""
    parser = argparse.ArgumentParser(description="The programs that run in the stack's pods.")
    parser.add_argument("command", choices=list(commands))
    parser.add_argument("--manifest", required=True, metavar="JSON|@FILE", help="rendered by the stack")
    arguments = parser.parse_args()
    run(lambda: commands[arguments.command](_text(arguments.manifest)))


def _text(argument: str) -> str:
    if not argument.startswith("@"):
        return argument
    try:
        with open(argument[1:], "rb") as source:
            return json_text.decoded(source.read(json_text.LIMIT_BYTES + 1))
    except (OSError, ValueError) as error:
        raise ExitError(78, f"the manifest is unusable: {error}") from None
