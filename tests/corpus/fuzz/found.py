"""Cases that fuzzing found: made small, written beside the tests, and replayed by them."""

import hashlib
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.corpus.case import fault
from tests.corpus.fuzz.targets import TARGETS

FOUND = Path(__file__).parents[1] / "found"
_TRIES = 2000


def kind(why: str) -> str:
    """What two inputs with the same cause have in common: error and place, or a sentence without what it quotes."""
    return re.sub(r"\d+(?= characters)", "", why.partition(": ")[0])


def smaller(content: bytes, fails: Callable[[bytes], bool]) -> bytes:
    """The shortest input that still fails, of those that leave out ever smaller pieces."""
    piece, tries = max(1, len(content) // 2), 0
    while piece and tries < _TRIES:
        start = 0
        while start < len(content) and tries < _TRIES:
            tries += 1
            shorter = content[:start] + content[start + piece :]
            if fails(shorter):
                content = shorter
            else:
                start += piece
        piece //= 2
    return content


class Collector:
    """Gives a target its inputs and keeps those that fail, one for each cause."""

    def __init__(self, name: str) -> None:
        self.name, self.give, self.directory = name, TARGETS[name].give, FOUND / name
        self.known = {kind(self.why(file.read_bytes())) for file in sorted(self.directory.glob("*"))}
        self.new = 0

    def why(self, content: bytes) -> str:
        return fault(partial(self.give, content))

    def take(self, content: bytes) -> None:
        """Try one input; write it down where its failure is new."""
        if not (why := self.why(content)) or (cause := kind(why)) in self.known:
            return
        self.known.add(cause)
        self.new += 1
        small = smaller(content, lambda shorter: kind(self.why(shorter)) == cause)
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / hashlib.sha256(small).hexdigest()[:12]).write_bytes(small)
        print(f"FOUND {self.name}: {why}", flush=True)
