"""Prune: what is needed stays; the rest goes, after a grace."""

import json
import os
import re
import subprocess
import time
from pathlib import Path

import pytest

from tests import stacks
from tests.plans import planned
from tests.pods.pythons import pythons
from tests.pods.shelf import NEW, OLD_S, Shelf, age_mark, argv, gen, of, old, sha

GRACE_S = 1000


def age_trash(shelf: Shelf, seconds: float) -> None:
    for path in (shelf.root / ".trash").glob("*/*"):
        path.rename(path.with_name(re.sub(r"\d+$", str(int(time.time() - seconds)), path.name)))


def test_a_report_writes_nothing_and_says_what_would_go(shelf: Shelf) -> None:
    age_mark(shelf, OLD_S)
    before = shelf.tree()
    lines = shelf.prune("report", NEW)
    assert shelf.tree() == before
    (due,) = of(lines, "generation", state="due")
    assert (due["gen"], due["done"]) == (gen(1), "")
    assert of(lines, "summary", due_bytes=len(b"old bytes"), kept_bytes=len(b"newcommon"), freed_bytes=0)


def test_an_unused_generation_waits_its_grace_then_lies_in_the_trash_then_is_gone(shelf: Shelf) -> None:
    (seen,) = of(shelf.prune("delete", NEW), "generation", gen=gen(1))
    assert (seen["state"], seen["done"]) == ("unused", "marked")
    (waiting,) = of(shelf.prune("delete", NEW), "generation", gen=gen(1))
    assert waiting["state"] == "waiting"
    assert waiting["since"] <= time.time() + 1

    age_mark(shelf, GRACE_S + 1)
    lines = shelf.prune("delete", NEW)
    assert of(lines, "summary", due_bytes=9, aside_bytes=9, freed_bytes=0), "the trash has a grace of its own"
    assert not (shelf.root / "a" / gen(1)).exists()
    assert not (shelf.root / ".blobs" / f"sha256-{sha(b'old bytes')}").exists()
    assert (shelf.root / "a" / gen(2) / "model-00002-of-00002.gguf").read_bytes() == b"common"

    age_trash(shelf, GRACE_S + 1)
    assert of(shelf.prune("trash", NEW), "summary", aside_bytes=9, expired_bytes=9, freed_bytes=0)
    assert of(shelf.prune("delete", NEW), "summary", aside_bytes=0, freed_bytes=9)
    assert [path.name for path in (shelf.root / ".trash").rglob("*") if path.is_file()] == []


def test_a_generation_that_is_kept_again_starts_anew(shelf: Shelf) -> None:
    shelf.prune("trash", NEW)
    age_mark(shelf, GRACE_S + 1)
    shelf.prune("trash", NEW, ("a", 1, b"old bytes"))
    assert not (shelf.root / "a" / gen(1) / ".unused.json").exists()
    (seen,) = of(shelf.prune("trash", NEW), "generation", gen=gen(1))
    assert seen["state"] == "unused", "it was needed a moment ago"


def test_the_last_generation_of_a_model_takes_the_models_directory_with_it(shelf: Shelf) -> None:
    shelf.model("b", 3, b"b", age_s=OLD_S, unused_s=OLD_S)
    (shelf.root / "b" / "current").symlink_to(gen(3))
    shelf.prune("trash", NEW)
    assert sorted(path.name for path in shelf.root.iterdir()) == [".blobs", ".trash", "a"]
    assert (shelf.root / "a" / "current").is_symlink()


def test_what_the_lock_names_again_comes_back_from_the_trash(shelf: Shelf) -> None:
    age_mark(shelf, OLD_S)
    shelf.prune("trash", NEW)
    lines = shelf.prune("trash", NEW, ("a", 1, b"old bytes"))
    assert of(lines, "restored", sha256=sha(b"old bytes"))
    assert (shelf.root / ".blobs" / f"sha256-{sha(b'old bytes')}").read_bytes() == b"old bytes"


def test_what_is_not_ours_is_listed_and_never_touched(shelf: Shelf) -> None:
    shelf.model("b", 3, b"b", age_s=OLD_S, unused_s=OLD_S)
    foreign = ["notes.txt", "photos/2024/a.jpg", f"b/{gen(3)}/mine.gguf", ".blobs/sha256-short", ".trash/keep/x.7"]
    foreign += ["a/readme", ".blobs/model.gguf.0123abcd.tmp", f".trash/b/{gen(9)}.5/mine", ".quarantine/why.txt"]
    for name in foreign:
        (shelf.root / name).parent.mkdir(parents=True, exist_ok=True)
        (shelf.root / name).write_bytes(b"mine")
        old(shelf.root / name, OLD_S)
    lines = shelf.prune("delete", NEW, grace_s=0)
    assert [name for name in foreign if not (shelf.root / name).exists()] == []
    listed = {os.path.relpath(line["path"], shelf.root) for line in of(lines, "unknown")}
    assert listed >= {"notes.txt", "photos", f"b/{gen(3)}/mine.gguf", ".blobs/sha256-short", ".trash/keep/x.7"}
    (blocked,) = of(lines, "generation", id="b")
    assert (blocked["state"], blocked["unknown"]) == ("blocked", ["mine.gguf"])


def test_a_ready_anywhere_protects_its_blobs_and_one_that_cannot_be_read_protects_all(shelf: Shelf) -> None:
    shelf.blob(b"elsewhere", OLD_S)
    shelf.blob(b"nobody's", OLD_S)
    ready = shelf.root / "backup" / "of a" / "READY.json"
    ready.parent.mkdir(parents=True)
    ready.write_text(json.dumps({"files": [{"sha256": sha(b"elsewhere")}]}))
    assert of(shelf.prune("report", NEW), "blob", sha256=sha(b"elsewhere"), state="needed")

    ready.write_text('{"files": [{"sha')
    before = {name for name in shelf.tree() if name.startswith(".blobs")}
    lines = shelf.prune("delete", NEW, grace_s=0)
    assert {name for name in shelf.tree() if name.startswith(".blobs")} == before
    assert of(lines, "unreadable", path=str(ready))


def test_a_file_that_a_fetch_moved_into_the_store_stays_where_its_owner_looks_for_it(shelf: Shelf) -> None:
    blob = shelf.blob(b"a person's", OLD_S)
    link = shelf.root / "downloads" / "x.gguf"
    link.parent.mkdir()
    link.symlink_to(f"../.blobs/{blob.name}")
    shelf.prune("delete", NEW, grace_s=0)
    assert link.read_bytes() == b"a person's"


def test_a_withdrawn_generation_keeps_the_bytes_that_are_whole(shelf: Shelf) -> None:
    directory = shelf.model("b", 3, b"whole", b"damaged", age_s=OLD_S)
    (directory / "READY.json").rename(directory / "WITHDRAWN.json")
    for link in directory.glob("*.gguf"):
        link.unlink()
    lines = shelf.prune("trash", NEW)
    assert of(lines, "blob", sha256=sha(b"whole"), state="needed")
    (line,) = of(lines, "generation", id="b")
    assert (line["ready"], line["unknown"]) == (False, [])


def test_a_generation_that_went_is_awaited_by_the_gate_should_it_come_back(shelf: Shelf) -> None:
    published = [shelf.root / ".published" / f"a-{gen(number)}" for number in (1, 2)]
    published[0].parent.mkdir()
    for path in published:
        path.write_text("{}")
    age_mark(shelf, OLD_S)
    shelf.prune("trash", NEW)
    assert [path.exists() for path in published] == [False, True]


def test_what_was_found_damaged_goes_after_the_grace(shelf: Shelf) -> None:
    quarantined = shelf.root / ".quarantine" / f"sha256-{sha(b'new')}.{int(time.time()) - OLD_S}"
    quarantined.parent.mkdir()
    quarantined.write_bytes(b"new")
    shelf.prune("delete", NEW)
    assert not quarantined.exists()
    assert (shelf.root / ".blobs" / f"sha256-{sha(b'new')}").exists()


@pytest.mark.parametrize(
    "wrong",
    [{"mode": "purge"}, {"grace_s": -1}, {"root": "models"}, {"keep": []}, {"keep": [{"id": "a"}]}, {"days": 3}],
    ids=str,
)
def test_an_order_that_nobody_can_mean_is_refused(shelf: Shelf, wrong: dict[str, object]) -> None:
    keep = [{"id": "a", "gen": gen(2), "sha256": [sha(b"new")]}]
    before = shelf.tree()
    shelf.run("prune", {"root": str(shelf.root), "mode": "delete", "grace_s": 0, "keep": keep, **wrong}, code=78)
    assert shelf.tree() == before


def test_a_trash_that_leads_out_of_the_volume_is_refused(shelf: Shelf, tmp_path: Path) -> None:
    (shelf.root / ".trash").symlink_to(tmp_path)
    before = shelf.tree()

    shelf.prune("delete", NEW, code=78)

    assert shelf.tree() == before


@pytest.mark.parametrize("stack", stacks.NAMES)
def test_the_cron_job_s_manifest_is_one_that_prune_accepts(shelf: Shelf, stack: str) -> None:
    plan = planned(stack)
    lines = shelf.run("prune", {**json.loads(plan.prune.manifest), "root": str(shelf.root)})
    assert {line["state"] for line in of(lines, "generation")} == {"unused"}


@pytest.mark.parametrize("python", pythons())
def test_every_supported_python_prunes(shelf: Shelf, python: str) -> None:
    manifest = {"root": str(shelf.root), "mode": "delete", "grace_s": 0}
    manifest["keep"] = [{"id": "a", "gen": gen(2), "sha256": [sha(b"new")]}]
    ran = subprocess.run(argv("prune", manifest, [python]), capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
