"""What llama-server's log says of the memory of one model, up to the breakdown that its `--fit on` prints first.

Source: llama.cpp 0c1e57098: llama_kv_cache, llama_memory_recurrent and llama_context (src/), and
common_memory_breakdown_print (common/fit.cpp). Sizes are MiB with two digits, the breakdown's are whole MiB.
"""

import re
from typing import NamedTuple

_SIZE, _COUNT = r"([0-9]{1,9}\.[0-9]{2}) MiB", "([0-9]{1,9})"
_CACHE = re.compile(rf"size = +{_SIZE} \( *{_COUNT} cells, +\d+ layers, +\d+/{_COUNT} seqs\), K \(")
_STATE = re.compile(rf"size = +{_SIZE} \( *{_COUNT} cells, +\d+ layers, +\d+ seqs")
_COMPUTE = re.compile(rf" RPC0\S* +compute buffer size = +{_SIZE}")
_BREAKDOWN = re.compile(rf"- RPC0 .*= *{_COUNT} \+ +{_COUNT} \+ +{_COUNT}\)")
_MIB = 2**20
DOUBT = _MIB // 200  # bytes, of a figure in MiB with two digits after the point


class LogError(ValueError):
    """llama-server says something that this code does not understand; the text is without a full stop."""


class Cache(NamedTuple):
    """A cache of keys and values: `cells` of each of `streams` (one a slot), `bytes` of all together, to 5 KiB."""

    cells: int
    streams: int
    bytes: int


class Told(NamedTuple):
    """Bytes on the card; `state` of all slots together. To 5 KiB, and `compute` rounded up.

    `draft` is of the context that drafts, where there is one.
    """

    weights_mib: int
    caches: tuple[Cache, ...]
    state: int
    compute: int
    draft: "Told | None" = None


class Log:
    """Reads lines one by one; `told` is there from the line on that is the breakdown of the last of its `contexts`.

    The model's own comes first, then the one that drafts (common_fit_params, common/fit.cpp).
    """

    def __init__(self, contexts: int = 1) -> None:
        self.caches: list[Cache] = []
        self.state = self.compute = 0
        self.contexts, self.found = contexts, list[Told]()

    @property
    def told(self) -> Told | None:
        return (
            self.found[0]._replace(draft=next(iter(self.found[1:]), None)) if self.contexts == len(self.found) else None
        )

    def read(self, line: str) -> None:
        """Take one line; raises LogError where the parts are not the breakdown's sum."""
        if found := _CACHE.search(line):
            self.caches.append(Cache(int(found[2]), int(found[3]), _bytes(found[1])))
        elif found := _STATE.search(line):
            self.state += _bytes(found[1])
        elif found := _COMPUTE.search(line):
            self.compute = _bytes(found[1]) + DOUBT
        elif found := _BREAKDOWN.search(line):
            weights, context, compute = map(int, found.groups())
            self._require("context", context, sum(cache.bytes for cache in self.caches) + self.state)
            self._require("compute", compute, self.compute)
            self.found.append(Told(weights, tuple(self.caches), self.state, self.compute))
            self.caches, self.state, self.compute = [], 0, 0

    def _require(self, what: str, whole_mib: int, parts: int) -> None:
        """The breakdown's MiB are rounded down, the parts' to two digits each."""
        doubt = DOUBT * (2 + len(self.caches))
        if not whole_mib * _MIB - doubt <= parts <= (whole_mib + 1) * _MIB + doubt:
            known = f"{parts / _MIB:.2f} MiB of it"
            raise LogError(f"{whole_mib} MiB of {what} are reserved, and its log tells only {known}")


def _bytes(mib: str) -> int:
    return round(float(mib) * _MIB)
