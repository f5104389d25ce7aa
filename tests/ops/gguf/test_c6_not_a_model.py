"""C6 and C13: a file that drafts, adapts or weighs for a model is none, and every advice names a key that works."""

import re

import pytest

from ops.base.errors import OpsError
from ops.gguf import file_names

REPO = "org/model-GGUF"


def refusal(paths: list[str], wanted: str, role: str = "model") -> str:
    with pytest.raises(OpsError) as caught:
        file_names.by_tag(REPO, paths, role, wanted)  # type: ignore[arg-type]
    return str(caught.value)


@pytest.mark.parametrize(
    ("other", "quant"),
    [
        ("MTP/X-Q8_0-MTP.gguf", "Q8_0"),
        ("draft/small-0.6B-DRAFT-Q4_0.gguf", "Q4_0"),
        ("mtp-X-Q8_0.gguf", "Q8_0"),
        ("X-mtp_Q8_0.gguf", "Q8_0"),
        ("drafter/X-Q8_0.gguf", "Q8_0"),
        ("X-it-assistant-Q8_0.gguf", "Q8_0"),
        ("eagle3-X-Q8_0.gguf", "Q8_0"),
        ("X-EAGLE-Q8_0.gguf", "Q8_0"),
        ("X.dflash-b16.Q8_0.gguf", "Q8_0"),
        ("X-imatrix-Q8_0.gguf", "Q8_0"),
        ("imatrix/X.Q8_0.gguf", "Q8_0"),
        ("lora/X-Q8_0.gguf", "Q8_0"),
        ("X-LoRA-Q8_0.gguf", "Q8_0"),
        ("X-adapter-F16.gguf", "F16"),
        ("mmproj-X-Q8_0.gguf", "Q8_0"),
    ],
)
def test_c6_a_file_for_a_model_is_never_taken_for_the_model(other: str, quant: str) -> None:
    said = refusal(["X-qat-UD-Q4_K_XL.gguf", other], quant)

    assert f"no model {quant}; there are UD-Q4_K_XL" in said
    assert "set `quant` to one of them" in said
    assert "mmproj" in other or f"{other} is a" in said
    whole = [f"X-{quant}.gguf", other]
    assert file_names.by_tag(REPO, whole, "model", quant) == (whole[0],), "nor is it a second candidate"


@pytest.mark.parametrize(
    "path",
    ["Meagle-Q8_0.gguf", "Drafting-Q8_0.gguf", "exploration-Q8_0.gguf", "assistants-Q8_0.gguf", "smtp-Q8_0.gguf"],
)
def test_c6_a_word_that_only_begins_or_ends_alike_is_no_reason(path: str) -> None:
    assert file_names.by_tag(REPO, [path], "model", "Q8_0") == (path,)


def test_c6_where_there_is_nothing_else_the_exact_path_is_the_way() -> None:
    said = refusal(["X-MTP-Q8_0.gguf"], "Q8_0")

    assert "has no model in GGUF form; X-MTP-Q8_0.gguf is a drafter by its name" in said
    assert "set `file` to the path of one of them" in said
    assert file_names.by_path(REPO, ["X-MTP-Q8_0.gguf"], "model", "X-MTP-Q8_0.gguf") == ("X-MTP-Q8_0.gguf",)


@pytest.mark.parametrize(
    "paths",
    [
        ["model-i2_s.gguf"],
        ["muse-kquant-17gb.gguf"],
        ["a.gguf", "b.gguf"],
        ["model-i2_s.gguf", "model-Q8_0.gguf"],
        ["a-4B-Q4_K_M.gguf", "a-8B-Q4_K_M.gguf"],
        ["a-Q4_K_M.gguf", "b-Q4_K_M.gguf", "c-Q8_0.gguf"],
        ["a-F16-Q4_K.gguf", "b.gguf"],
        ["Q8_0/a.gguf", "other/Q8_0/a.gguf"],
        ["draft/a-Q2_K.gguf"],
    ],
)
@pytest.mark.parametrize("wanted", ["Q2_K", "Q4_K_M", "KQUANT"])
def test_c13_the_advice_works_when_it_is_followed(paths: list[str], wanted: str) -> None:
    said = refusal(paths, wanted)

    first, _, rest = said.partition("\n  next: ")
    assert "name another repository" not in rest
    if "`quant` to one of them" in rest:
        there = re.search("there are (.*)", first)
        assert there
        for tag in there[1].split(" and ")[0].split("; ")[0].split(", "):
            assert file_names.by_tag(REPO, paths, "model", tag)
    if "`file`" in rest:
        named = [path for path in paths if path in first]
        assert named
        for path in named:
            assert file_names.by_path(REPO, paths, "model", path) == (path,)


def test_c13_a_projector_without_a_type_is_named_by_its_path() -> None:
    said = refusal(["a-Q8_0.gguf", "mmproj-kquant.gguf"], "F16", "mmproj")

    assert "no vision projector F16; there are mmproj-kquant.gguf" in said
    assert "set `mmproj_file` to the path of one of them, in place of `mmproj`" in said
    assert file_names.by_path(REPO, ["mmproj-kquant.gguf"], "mmproj", "mmproj-kquant.gguf") == ("mmproj-kquant.gguf",)


@pytest.mark.parametrize("count", [2, 3, 5])
@pytest.mark.parametrize("by", ["by_tag", "by_path"])
def test_c13_a_projector_in_parts_is_refused_and_no_part_of_it_is_locked(by: str, count: int) -> None:
    parts = [f"mmproj-F16-{number:05d}-of-{count:05d}.gguf" for number in range(1, count + 1)]

    with pytest.raises(OpsError, match=f"in {count} parts, and llama.cpp reads a projector from one file"):
        getattr(file_names, by)(REPO, parts, "mmproj", "F16" if by == "by_tag" else parts[0])


@pytest.mark.parametrize("number", [1, 2, 3])
def test_c13_any_part_of_a_split_model_stands_for_all(number: int) -> None:
    parts = [f"kquant/x-{at:05d}-of-00003.gguf" for at in (1, 2, 3)]

    assert file_names.by_path(REPO, parts, "model", parts[number - 1]) == tuple(parts)
    with pytest.raises(OpsError, match=r"has the parts 0000\d, 0000\d of .*, which has 3"):
        file_names.by_path(REPO, [part for part in parts if part != parts[number - 2]], "model", parts[number - 1])


def test_c13_a_path_that_is_not_there_is_told_what_is_near() -> None:
    paths = [f"q/model-{number}.gguf" for number in range(30)] + ["README.md"]
    with pytest.raises(OpsError) as caught:
        file_names.by_path(REPO, paths, "model", "q/model-7.ggul.gguf")
    assert "has no file q/model-7.ggul.gguf; there is q/model-7" in str(caught.value)
    with pytest.raises(OpsError, match=r"has no file x\.gguf; and no other in GGUF form"):
        file_names.by_path(REPO, ["README.md"], "model", "x.gguf")
