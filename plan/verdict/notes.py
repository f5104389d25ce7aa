"""Notes of a preview: each is told once in a run of several commands, and alike ones as one."""

import hashlib
import re
from collections.abc import Iterable

TOLD = "LOCAL_LLM_TOLD"  # the variable by which a command tells the program what a person has read already
_ABOUT = re.compile(r"([a-z0-9-]+(?:, [a-z0-9-]+)*): (.+)")


def marks(notes: Iterable[str]) -> str:
    """What of the notes is needed to know them again: a short hash for each of their lines."""
    return " ".join(sorted({_mark(line) for note in notes for line in note.split("\n")}))


def untold(notes: Iterable[str], told: str) -> tuple[str, ...]:
    """The notes of which at least one line has no mark in `told`."""
    known = set(told.split())
    return tuple(note for note in notes if not {_mark(line) for line in note.split("\n")} <= known)


def collapsed(lines: Iterable[str]) -> list[str]:
    """Each line once; `a: something` and `b: something` as `a, b: something`."""
    found: dict[str, list[str]] = {}
    for line in dict.fromkeys(lines):
        about = _ABOUT.fullmatch(line)
        found.setdefault(about[2] if about else line, []).append(about[1] if about else "")
    return [f"{', '.join(about)}: {said}" if all(about) else said for said, about in found.items()]


def _mark(line: str) -> str:
    return hashlib.sha256(line.encode()).hexdigest()[:12]
