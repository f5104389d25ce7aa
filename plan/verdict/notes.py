"""Notes of a preview: each is told once in a run of several commands, and alike ones as one."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from plan.text.show import lines

TOLD = "LOCAL_LLM_TOLD"  # the variable by which a command tells the program what a person has read already
_ABOUT = re.compile(r"([a-z0-9-]+(?:, [a-z0-9-]+)*): (.+)")


@dataclass(frozen=True, slots=True)
class Told:
    """What a person reads of notes, line by line, and the notes of which every line is among it."""

    lines: tuple[str, ...]
    notes: tuple[str, ...]


def marks(notes: Iterable[str]) -> str:
    """What of the notes is needed to know them again: a short hash for each of their lines."""
    return " ".join(sorted({_mark(line) for note in notes for line in note.split("\n")}))


def untold(notes: Iterable[str], told: str) -> tuple[str, ...]:
    """The notes of which at least one line has no mark in `told`."""
    known = set(told.split())
    return tuple(note for note in notes if not {_mark(line) for line in note.split("\n")} <= known)


def collapsed(notes: Iterable[str]) -> list[str]:
    """Each note once; `a: something` and `b: something` as `a, b: something`. A note of several lines stays whole."""
    return ["\n".join(it.lines) for it in _alike(notes)]


def read(said: Iterable[str], most: int | None, more: str) -> Told:
    """Texts of one or several notes as a person reads them, in `most` lines; `more` says where to read the rest."""
    alike = _alike(note for text in said for note in _notes(text))
    length = sum(len(it.lines) for it in alike)
    if most is None or length <= most:
        most = length + 1
    shown, whole = list[str](), list[str]()
    for it in alike:
        room = most - 1 - len(shown)
        shown += it.lines[:room]
        if len(it.lines) > room:
            break
        whole += it.notes
    left = [f"and {length - len(shown)} more lines; {more}"] if len(shown) < length else []
    return Told((*shown, *left), tuple(whole))


def _notes(text: str) -> list[str]:
    """The notes of one text: each begins a line, and goes on in lines that begin with a space."""
    found: list[str] = []
    for line in text.split("\n"):
        if found and line[:1].isspace():
            found[-1] += f"\n{line}"
        else:
            found.append(line)
    return found


def _alike(notes: Iterable[str]) -> list[Told]:
    """What is told as one, with the notes behind it, which are kept as they are given."""
    found: dict[str, list[tuple[str, str]]] = {}
    for note in dict.fromkeys(notes):
        text = lines(note)
        about = _ABOUT.fullmatch(text)
        found.setdefault(about[2] if about else text, []).append((about[1] if about else "", note))
    return [Told(_line(said, [about for about, _ in of]), tuple(note for _, note in of)) for said, of in found.items()]


def _line(said: str, about: list[str]) -> tuple[str, ...]:
    return (f"{', '.join(about)}: {said}",) if all(about) else tuple(said.split("\n"))


def _mark(line: str) -> str:
    return hashlib.sha256(line.encode()).hexdigest()[:12]
