"""A command's text as words, split as llama-swap and the shells that it starts do that."""

import re
import shlex
from collections.abc import Iterable

from plan.text.show import is_secret
from plan.text.show import words as prose

# C:\models, .\models, \\nas\models and %USERPROFILE%\models, or any backslash within a word behind a program.exe.
_OF_WINDOWS = re.compile(
    r"""(?:^|[\s"'=])(?:[A-Za-z]:\\|\.{1,2}\\\w|\\\\[\w.-]+\\\w|%\w+%\\)|\A\s*"?[^\s"]*\.exe\b(?s:.)*?\w\\\w"""
)
# A comment, or what may have a # in it that begins none.
_COMMENT = re.compile(r"""'[^']*'|"(?:\\.|[^"\\])*"|\\.|(?<!\S)\#[^\n]*""", re.DOTALL)
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

    In a file that was written on Windows a backslash is no escape. A comment behind a flag, which llama-swap would hand
    over word by word, is taken for what its author meant.
    """
    lines = [re.sub(r"\\\s*$", " ", line) for line in str(without_comments(command)).split("\n")]
    text = "\n".join(lines)
    if _OF_WINDOWS.search(text):
        return [re.sub(r'(\\")|"', lambda found: '"' if found[1] else "", word) for word in _WINDOWS.findall(text)]
    try:
        return shlex.split(_uncommented(text))
    except ValueError:
        raise ValueError("a quote in its command is never closed") from None


def simple_commands(script: str) -> list[list[str]]:
    """The commands of a shell's script, one after another, without where their output goes; raises ValueError."""
    reader = shlex.shlex(
        _uncommented(script).replace("\\\n", " ").replace("\n", " ; "), posix=True, punctuation_chars=True
    )
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


def _uncommented(text: str) -> str:
    return _COMMENT.sub(lambda found: "" if found[0].startswith("#") else found[0], text)


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
