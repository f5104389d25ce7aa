"""What fuzzing found once does not come back."""

from functools import partial
from pathlib import Path

import pytest

from tests.corpus.case import fault
from tests.corpus.fuzz.found import FOUND, Collector, kind, smaller
from tests.corpus.fuzz.targets import TARGETS


def test_a_found_case_is_accepted_or_refused_in_words() -> None:
    files = [path for path in FOUND.rglob("*") if path.is_file()]
    whys = {
        file.relative_to(FOUND): fault(partial(TARGETS[file.parent.name].give, file.read_bytes())) for file in files
    }

    assert {file: why for file, why in whys.items() if why} == {}


@pytest.mark.parametrize("name", list(TARGETS))
def test_every_target_accepts_what_it_begins_with(name: str) -> None:
    for seed in TARGETS[name].seeds():
        TARGETS[name].give(seed)


def test_a_case_is_made_as_small_as_its_failure_allows() -> None:
    assert smaller(b"x" * 500 + b"bad" + b"y" * 500, lambda it: b"bad" in it) == b"bad"


def test_one_case_is_kept_for_each_cause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(content: bytes) -> None:
        raise KeyError(content.decode()) if content.startswith(b"k") else ValueError("no")

    collector = Collector("lock")
    monkeypatch.setattr(collector, "give", broken)
    monkeypatch.setattr(collector, "directory", tmp_path)
    for content in (b"key one", b"key two", b"value", b"other value"):
        collector.take(content)

    assert sorted(file.read_bytes() for file in tmp_path.iterdir()) == [b"", b"k"]
    assert len({kind(collector.why(it)) for it in (b"k1", b"k2")}) == 1
