"""What prune may do, by which clock, and what it thinks of the things found. Changes nothing."""

import dataclasses
import math
import os

from pods.core.report import ExitError
from pods.core.shape import GEN, NAME, PATH, SHA256, number, read, text
from pods.volume.inventory import Aside, Blob, Generation, Inventory
from pods.volume.listing import Entry
from pods.volume.parts import peek

# A fetcher between two tries writes nothing for up to five minutes; one whose lock we cannot see is alive that long.
_LIVE_S = 900
_SHAPE = {
    "root": PATH,
    "mode": text("report|trash|delete", "report, trash or delete"),
    "grace_s": number(0, 1e9, float),
    "keep": ({"id": NAME, "gen": GEN, "sha256": (SHA256,)},),
}


@dataclasses.dataclass(frozen=True)
class Order:
    root: str
    mode: str
    grace_s: float
    keep: dict[tuple[str, str], frozenset[str]]

    @classmethod
    def parse(cls, manifest: str) -> "Order":
        """Raises ExitError 78; also where nothing is kept and something could be moved, which nobody means."""
        raw = read(manifest, _SHAPE)
        keep = {(it["id"], it["gen"]): frozenset[str](it["sha256"]) for it in raw.pop("keep")}
        order = cls(keep=keep, **raw)
        if not keep and order.mode != "report":
            raise ExitError(78, "the manifest is unusable: `keep` is empty, and every model would go")
        return order


@dataclasses.dataclass(frozen=True)
class Clock:
    """Two clocks that may differ, this machine's and the volume's: marks take the later, ages the earlier of them."""

    earliest: float
    latest: float

    def old(self, since: float, grace_s: float) -> bool:
        return not grace_s or self.earliest - since >= grace_s

    @property
    def stamp(self) -> int:
        return math.ceil(self.latest)


class Judgement:
    """What is kept, waiting or due among the things found; decides alone, changes nothing."""

    def __init__(self, order: Order, found: Inventory, clock: Clock) -> None:
        self.order, self.found, self.clock = order, found, clock
        self.generations = [(it, self._generation(it)) for it in found.generations]
        self.needed = set[str]().union(*order.keep.values()) | found.elsewhere
        for it, state in self.generations:
            self.needed |= it.names if state != "due" else set()
        self.blobs = [(it, self._blob(it)) for _, it in sorted(found.blobs.items())]
        leftovers = [part for it in found.blobs.values() for part in self._leftovers(it)]
        self.drafts = [it for it in found.drafts if clock.old(it.mtime, max(order.grace_s, _LIVE_S))] + leftovers

    def _generation(self, it: Generation) -> str:
        if (it.id, it.gen) in self.order.keep:
            return "kept"
        if it.unknown:
            return "blocked"
        if self.clock.old(self.clock.stamp if it.since is None else it.since, self.order.grace_s):
            return "due"
        return "unused" if it.since is None else "waiting"

    def _blob(self, it: Blob) -> str:
        if it.sha256 in self.needed:
            return "needed"
        if self.found.unreadable:
            return "unsure"
        if it.parts and not (self.clock.old(it.newest, _LIVE_S) and all(_is_free(part) for part in it.parts)):
            return "fetching"
        return "due" if self.clock.old(it.newest, self.order.grace_s) else "waiting"

    def _leftovers(self, it: Blob) -> list[Entry]:
        """Parts, journals first, of a blob that is there: of a fetcher that died beside the one that ended."""
        if "" not in it.files or not self.clock.old(it.newest, max(self.order.grace_s, _LIVE_S)):
            return []
        if not all(_is_free(part) for part in it.parts):
            return []
        return [it.files[suffix] for suffix in sorted(it.files, reverse=True) if ".part" in suffix]

    def expired(self, it: Aside) -> bool:
        return self.clock.old(it.since, self.order.grace_s)


def _is_free(part: Entry) -> bool:
    if (fd := peek(part.path)) is None:
        return False
    os.close(fd)
    return True
