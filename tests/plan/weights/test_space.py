"""A volume that is too small is refused at preview, by the fetcher's own rule, with what would be enough."""

import json
import os
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plan import config
from plan.base.errors import ConfigError
from plan.models import lock
from plan.models.lock import LockedFile, LockedModel
from plan.plan import Plan
from plan.weights.space import GIB, margin_bytes, require_space, space_notes
from pods.fetch.manifest import Manifest
from pods.fetch.model_on_volume import Volume
from tests import stacks
from tests.plans import made

FACTS = stacks.locked().models["qwen3-8b"].gguf


def model(*sizes: int, shas: str = "") -> LockedModel:
    """A model of one file a size; equal letters of `shas` are equal contents."""
    files = [
        LockedFile(
            role="mmproj" if number else "model",
            path=f"{number}.gguf",
            size=size,
            sha256=f"{ord(shas[number]) if shas else hash((size, number)) % 10**9:064x}",
        )
        for number, size in enumerate(sizes)
    ]
    gen = lock.generation(files)
    return LockedModel(
        repo="a/b", revision="main", commit="0" * 40, quant="Q8_0", gen=gen, files=tuple(files), gguf=FACTS
    )


def volume(size_gib: int) -> config.Volume:
    return config.Volume.model_validate({"name": "v", "size_gib": size_gib, "local": {"path": "/v", "node": "n"}})


def refusal(size_gib: int, models: dict[str, LockedModel]) -> str:
    with pytest.raises(ConfigError) as caught:
        require_space(volume(size_gib), models)
    return str(caught.value)


def planned(size_gib: int) -> Plan:
    raw = stacks.raw("t4")
    raw["volume"]["size_gib"] = size_gib
    return made(raw)


def test_a_small_volume_is_refused_with_each_models_share_and_what_would_be_enough() -> None:
    models = {"a": model(4 * GIB), "b": model(6 * GIB, GIB // 2)}
    require_space(volume(13), models)
    said = refusal(12, models)
    assert "local-llm:stack.volume.size_gib: got 12. The models need 12.50 GiB, 0.50 GiB more than that." in said
    assert "say 13 or more" in said
    assert said.splitlines()[1:] == ["      4.00 GiB  a", "      6.50 GiB  b", "      2.00 GiB  stay free"]


def test_a_file_that_two_models_share_lies_there_once() -> None:
    models = {"a": model(4 * GIB, GIB, shas="xp"), "b": model(5 * GIB, GIB, shas="yp")}
    require_space(volume(12), models)
    assert "-1.00 GiB  counted once" in refusal(11, models)


def test_what_stays_free_grows_with_the_largest_model() -> None:
    models = {"a": model(200 * GIB), "b": model(100 * GIB)}
    require_space(volume(310), models)
    assert "10.00 GiB  stay free" in refusal(309, models)


@given(st.lists(st.integers(1, 2**38), min_size=1, max_size=5), st.integers(1, 300))
def test_the_size_that_a_refusal_names_is_the_smallest_that_is_accepted(sizes: list[int], size_gib: int) -> None:
    models = {f"m{number}": model(size) for number, size in enumerate(sizes)}
    try:
        require_space(volume(size_gib), models)
    except ConfigError as error:
        enough = int(re.findall(r"say (\d+) or more", str(error))[0])
        assert enough > size_gib
        require_space(volume(enough), models)
        assert f"say {enough} or more" in refusal(enough - 1, models)


@pytest.mark.parametrize("size", [GIB, 100 * GIB])
def test_the_fetcher_finds_room_exactly_where_the_plan_does(
    size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (file,) = model(size).files
    row = {"path": file.path, "size": file.size, "sha256": file.sha256, "link": file.link}
    text = {"endpoint": "http://hub", "root": str(tmp_path), "id": "a", "gen": "0" * 12, "repo": "a/b"}
    wanted = Manifest.parse(json.dumps({**text, "commit": "0" * 40, "files": [row]}))
    needed = size + margin_bytes(size)

    def free(count: int) -> None:
        monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_bavail=count, f_frsize=1))
        Volume(wanted).require_room(list(wanted.files))

    free(needed)
    with pytest.raises(Exception, match="enlarge the volume"):
        free(needed - 1)


def test_a_claim_that_exists_is_asked_nothing() -> None:
    claim = config.Volume(name="v", existing_claim=True)
    require_space(claim, {"a": model(2**50)})
    assert space_notes(claim, {"a": model(2**50)}) == ()


def test_a_volume_without_room_for_a_second_generation_is_named_in_one_sentence() -> None:
    models = {"a": model(4 * GIB), "b": model(6 * GIB, GIB // 2)}
    assert space_notes(volume(19), models) == ()
    (said,) = space_notes(volume(18), models)
    assert "size_gib 18 has no room for a second generation of b (6.50 GiB)" in said
    assert "unless it is 19 or more." in said


def test_a_preview_refuses_what_the_volume_cannot_hold_and_notes_what_it_can_hold_once() -> None:
    with pytest.raises(ConfigError, match=r"size_gib: got 21.*say 22 or more"):
        planned(21)
    assert any("second generation of qwen3vl-8b" in note for note in planned(22).notes)
    assert not any("generation" in note for note in planned(30).notes)
