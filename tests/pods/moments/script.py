"""What is played on one volume: what lies there before, which programs run, and who dies when."""

import dataclasses
import random
from typing import Any

SEGMENT_REQUEST = r"bytes=\d+-(?!0$)"  # not the one byte by which an address is tried
BEFORE = ("nothing", "blobs", "published", "damaged", "linked", "a part", "in the trash")


@dataclasses.dataclass(frozen=True)
class Script:
    """Of model a, with two files; model b shares one of them.

    before: `blobs` are there but in no generation; `published` is the whole generation, `damaged` with another byte
    in one of its blobs, `linked` with one that an older release adopted by a hard link; `a part` is what a dead fetch
    left; `in the trash` is what prune has set aside.
    found: a person has put the same bytes under another name. kept: what prune is told to keep.
    programs: and after how many seconds they start. dies_at: the first of them dies before that change.
    """

    seed: int
    programs: tuple[tuple[str, float], ...]
    before: str = "nothing"
    old: bool = False
    found: bool = False
    kept: tuple[str, ...] = ("a",)
    served: tuple[str, ...] = ("a",)
    damaged: str = "a-Q4_K_M.gguf"
    segments: int = 2
    trashed_ago_s: int = 10
    mode: str = "delete"
    locks: str = "kernel"
    slots: int = 2
    patience_s: float = 600
    faults: tuple[dict[str, Any], ...] = ()
    kills: int = 0
    deadly: float = 0
    dies_at: int = -1

    @property
    def may_be_wrong_at_the_hub(self) -> bool:
        return any("corrupt_at" in rule for rule in self.faults)


OTHERS = (
    "fetch a again",
    "fetch b",
    "fetch and verify a",
    "prune",
    "prune again",
    "warm",
    "gate",
    "person writes",
    "person waits",
)


def drawn(seed: int) -> Script:
    """A fetch of a, and some of what may run beside it."""
    chance = random.Random(-seed)  # noqa: S311 - to be repeated
    kept = chance.choice([("a",), ("a", "b"), ("a old",)])  # as the lock said when prune began
    late_s = chance.choice([0, 0.2, 1])
    chosen = chance.sample(OTHERS, chance.randint(2, 5))
    return Script(
        seed,
        tuple((name, late_s * chance.random()) for name in ("fetch a", *chosen)),
        before=chance.choice(("nothing", *BEFORE)),
        old=chance.random() < 0.5 or kept == ("a old",),
        found=chance.random() < 0.4,
        kept=kept,
        served=chance.choice([("a",), ("a", "b")]),
        damaged=chance.choice(["a-Q4_K_M.gguf", "mmproj-F16.gguf"]),
        segments=chance.randrange(4),
        trashed_ago_s=chance.choice([10, 5_000]),
        mode=chance.choice(["trash", "delete"]),
        locks=chance.choice(["kernel", "kernel", "granted", "none"]),
        slots=chance.choice([0, 1, 2]),
        patience_s=chance.choice([0.5, 600]),
        faults=_faults(chance),
        kills=chance.choice([0, 0, 1, 2]),
        deadly=1 / chance.choice([50, 200, 600]),
    )


def _faults(chance: random.Random) -> tuple[dict[str, Any], ...]:
    """The next segments bring a wrong byte, a part of the body, or an error."""
    rule = {"origin": "cdn", "range": SEGMENT_REQUEST, "skip": chance.randrange(6), "times": chance.randint(1, 6)}
    wrong = {**rule, "corrupt_at": chance.randrange(9_000)}
    return chance.choice([(), (), (wrong,), (wrong,), ({**rule, "truncate_after": 100},), ({**rule, "status": 503},)])


# Each is killed before every change that it makes, one after another.
KILLED = {
    "fetch": Script(1, (("fetch a", 0),), old=True),
    "resume": Script(2, (("fetch a", 0),), before="a part"),
    "without locks": Script(3, (("fetch a", 0),), before="a part", locks="granted"),
    "wrong bytes": Script(
        4, (("fetch a", 0),), faults=({"origin": "cdn", "range": SEGMENT_REQUEST, "times": 4, "corrupt_at": 9},)
    ),
    "adopt": Script(5, (("fetch a", 0),), found=True),
    "take back": Script(6, (("fetch a", 0),), before="in the trash"),
    "detach": Script(7, (("fetch a", 0),), before="linked"),
    "verify": Script(8, (("fetch and verify a", 0),), before="damaged"),
    "prune": Script(9, (("prune", 0),), before="in the trash", old=True),
    "restore": Script(10, (("prune", 0), ("fetch a", 0.05)), before="blobs", old=True, kept=("a old",)),
    "warm": Script(11, (("warm", 0),), before="damaged"),
}
