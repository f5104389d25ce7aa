"""A command's text as words, split as llama-swap and the shells that it starts do that."""

import re
import shlex
from collections.abc import Iterable

from plan.text.show import is_secret
from plan.text.show import words as prose

_DRIVE = re.compile(r"""(?:^|[\s"'=])[A-Za-z]:\\""")
_WINDOWS = re.compile(r'(?:"(?:\\"|[^"])*"?|[^\s"])+')
_SECRET = re.compile(r"(?i)bearer|authorization|api[-_]?key|secret|passw")
_ENDS = {";", "&&", "||", "|", "&", ";;", "|&"}


def without_comments(command: object) -> object:
    """Without its lines that are comments; what is no text stays as it is."""
    if not isinstance(command, str):
        return command
    return "\n".join(line for line in command.split("\n") if not line.strip().startswith("#"))


def words(command: str) -> list[str]:
    """As llama-swap splits it (v250, internal/config/commands.go); raises ValueError in words.

    A file that was written on Windows has paths like C:\\models, in which a backslash is no escape.
    """
    lines = [re.sub(r"\\\s*$", " ", line) for line in str(without_comments(command)).split("\n")]
    text = "\n".join(lines)
    if _DRIVE.search(text):
        return [re.sub(r'(\\")|"', lambda found: '"' if found[1] else "", word) for word in _WINDOWS.findall(text)]
    try:
        return shlex.split(text)
    except ValueError:
        raise ValueError("a quote in its command is never closed") from None


def simple_commands(script: str) -> list[list[str]]:
    """The commands of a shell's script, one after another, without where their output goes; raises ValueError."""
    reader = shlex.shlex(script.replace("\\\n", " ").replace("\n", " ; "), posix=True, punctuation_chars=True)
    reader.whitespace_split, reader.commenters = True, ""
    try:
        tokens = list(reader)
    except ValueError:
        raise ValueError("a quote in its command is never closed") from None
    commands: list[list[str]] = [[]]
    drop = False
    for token in tokens:
        if drop:
            drop = False
        elif token in _ENDS:
            commands.append([])
        elif re.fullmatch(r"[<>]+&?|&>+", token):
            drop = True
            if commands[-1] and commands[-1][-1] in ("1", "2") and f"{commands[-1][-1]}{token}" in script:
                commands[-1].pop()
        elif commands[-1] or not token.startswith("-"):
            commands[-1].append(token)
        elif len(commands) > 1:  # a line that goes on without a backslash
            commands.pop()
            commands[-1].append(token)
    return [command for command in commands if command]


def hides(name: str, value: str) -> bool:
    """Whether a word may be a secret: behind `--api-key`, or a header or JSON that has one in it."""
    return is_secret(name, value) or bool(_SECRET.search(value))


def told(command: Iterable[str], limit: int = 100) -> str:
    """The words on one line for a person, without what may be a secret: after `--token`, or in `HF_TOKEN=...`."""
    said, before = list[str](), ""
    for word in command:
        name, equals, value = word.partition("=")
        if equals and is_secret(name, value):
            said.append(f"{name}=***")
        else:
            said.append("***" if hides(before, word) else word)
        before = word
    return prose(" ".join(said), limit)
