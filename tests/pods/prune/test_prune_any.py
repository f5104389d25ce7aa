"""Prune on any volume: nothing that is needed is ever gone, nothing goes early, and a second run changes nothing."""

import json
import re
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.pods.shelf import Shelf, gen, of, sha

GRACE_S, OLD_S, YOUNG_S = 1000, 5000, 10
CONTENTS = [b"one", b"two two", b"three", b"four"]
ages = st.sampled_from([OLD_S, YOUNG_S])
contents = st.sets(st.sampled_from(CONTENTS), min_size=1, max_size=3).map(sorted)


@dataclass(frozen=True)
class Made:
    """A generation: `unused_s` since its mark, -1 for none; in the trash for `trashed_s`, -1 for not."""

    contents: list[bytes]
    ready: bool
    age_s: int
    unused_s: int
    trashed_s: int
    kept: bool


@dataclass(frozen=True)
class Loose:
    """A file of a blob without a generation."""

    content: bytes
    suffix: str
    age_s: int
    trashed: bool


generations = st.dictionaries(
    st.tuples(st.sampled_from("ab"), st.integers(1, 3)),
    st.builds(
        Made,
        contents=contents,
        ready=st.booleans(),
        age_s=ages,
        unused_s=st.sampled_from([-1, OLD_S, YOUNG_S]),
        trashed_s=st.sampled_from([-1, -1, OLD_S, YOUNG_S]),
        kept=st.booleans(),
    ),
    max_size=4,
)
suffixes = st.sampled_from(["", ".ok", ".part", ".part.journal"])
modes = st.sampled_from(["report", "trash", "delete", "delete", "delete"])
loose = st.lists(st.builds(Loose, st.sampled_from(CONTENTS), suffixes, ages, st.booleans()), max_size=4)


def build(shelf: Shelf, made: dict[tuple[str, int], Made], files: list[Loose]) -> list[Path]:
    """Make it all; what must survive a run with a grace."""
    young: list[Path] = []
    for (model_id, number), it in made.items():
        path = shelf.model(model_id, number, *it.contents, ready=it.ready, age_s=it.age_s, unused_s=it.unused_s)
        if it.trashed_s >= 0:
            path = shelf.throw_away(path, it.trashed_s)
        if it.trashed_s == YOUNG_S or (it.trashed_s < 0 and it.unused_s != OLD_S):
            young.append(path)
    for file in files:
        blob = shelf.blob(file.content, file.age_s, file.suffix)
        if file.trashed and file.suffix in ("", ".part"):
            shelf.throw_away(blob, file.age_s)
    young += [path for path in shelf.root.glob(".trash/blobs/*") if time.time() - int(path.suffix[1:]) < 2 * YOUNG_S]
    (shelf.root / "a person's").mkdir()
    (shelf.root / "a person's" / "file").write_text("mine")
    return young


def readies(root: Path) -> set[str]:
    """Every sha256 that a READY.json outside of the trash names."""
    found = [path for path in root.rglob("READY.json") if ".trash" not in path.parts]
    return {file["sha256"] for path in found for file in json.loads(path.read_text())["files"]}


def whole(paths: Iterable[Path]) -> set[str]:
    """The sha256 of those that are a blob's bytes, wherever they lie."""
    return {match[1] for path in paths if (match := re.fullmatch(r"sha256-([0-9a-f]{64})(\.\d+)?", path.name))}


@given(made=generations, files=loose, mode=modes, grace=st.sampled_from([True, True, False]))
def test_nothing_needed_is_ever_gone_and_a_second_run_changes_nothing(
    made: dict[tuple[str, int], Made], files: list[Loose], mode: str, grace: bool
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        shelf = Shelf(Path(directory) / "volume")
        young = build(shelf, made, files)
        kept = {f"{key[0]}/{gen(key[1])}": it for key, it in made.items() if it.kept}
        keep = [
            {"id": path.split("/")[0], "gen": path.split("/")[1], "sha256": [sha(content) for content in it.contents]}
            for path, it in kept.items()
        ]
        keep.append({"id": "z", "gen": gen(9), "sha256": [sha(CONTENTS[0])]})  # not fetched yet
        manifest = {"root": str(shelf.root), "mode": mode, "grace_s": GRACE_S if grace else 0, "keep": keep}
        named = {sha256 for it in keep for sha256 in it["sha256"]}
        before, anywhere = shelf.tree(), whole(shelf.root.rglob("sha256-*"))
        had = whole((shelf.root / ".blobs").iterdir())

        restored = {line["sha256"] for line in of(shelf.run("prune", manifest), "restored")}

        after, have = shelf.tree(), whole((shelf.root / ".blobs").iterdir())
        needed = named | readies(shelf.root)
        if mode == "report":
            assert after == before
            return
        assert have >= had & needed, "a server would find a link without its file"
        assert restored & had == set(), "nor may it be away for a moment"
        assert have >= anywhere & needed, "it lay in the trash and is needed"
        for path in kept:
            links = [name for name in before if name.startswith(f"{path}/") and "unused" not in name]
            assert {name: after.get(name) for name in links} == {name: before[name] for name in links}
        assert (shelf.root / "a person's" / "file").read_text() == "mine"
        if grace:
            gone = [path for path in young if not path.exists()]
            assert whole(gone) <= have, "only what is needed leaves the trash early, and goes back"
            assert [path for path in gone if not whole([path])] == []
        shelf.run("prune", manifest)
        assert shelf.tree() == after
