"""Choosing files by whole tokens: what a substring search got wrong stays right."""

import pytest

from ops.base.errors import OpsError
from ops.gguf import file_names
from plan.models import file_names as names

REPO = "org/model-GGUF"
FILES = [
    "README.md",
    "model-BF16.gguf",
    "model-F16.gguf",
    "model-Q4_K_M.gguf",
    "model-Q4_K_S.gguf",
    "model-Q8_0.gguf",
    "model-UD-Q4_K_M.gguf",
    "model-UD-Q2_K_XL.gguf",
    "model-imatrix-Q4_K_M.gguf",
    "imatrix_unsloth.gguf",
    "mtp-model-Q4_K_M.gguf",
    "eagle3-model-Q4_K_M.gguf",
    "mmproj-Q8_0.gguf",
    "mmproj-F16.gguf",
    "mmproj-BF16.gguf",
]


@pytest.mark.parametrize(
    ("quant", "file"),
    [
        ("F16", "model-F16.gguf"),
        ("BF16", "model-BF16.gguf"),
        ("Q4_K_M", "model-Q4_K_M.gguf"),
        ("UD-Q4_K_M", "model-UD-Q4_K_M.gguf"),
        ("q8_0", "model-Q8_0.gguf"),
        ("UD-Q2_K_XL", "model-UD-Q2_K_XL.gguf"),
    ],
)
def test_a_quantization_means_the_one_file_that_is_named_so(quant: str, file: str) -> None:
    assert file_names.by_tag(REPO, FILES, "model", quant) == (file,)


@pytest.mark.parametrize("quant", ["Q2_K_XL", "Q4_K", "K_M", "Q4", "Q2_K"])
def test_part_of_a_quantizations_name_is_not_that_quantization(quant: str) -> None:
    with pytest.raises(OpsError, match="no model") as caught:
        file_names.by_tag(REPO, FILES, "model", quant)
    assert "there are BF16, F16, Q4_K_M, Q4_K_S, Q8_0, UD-Q2_K_XL, UD-Q4_K_M\n" in str(caught.value)


def test_the_vision_projector_is_the_declared_one_wherever_it_is_listed() -> None:
    assert file_names.by_tag(REPO, FILES, "mmproj", "F16") == ("mmproj-F16.gguf",)
    assert file_names.by_tag(REPO, FILES, "mmproj", "Q8_0") == ("mmproj-Q8_0.gguf",)
    with pytest.raises(OpsError, match="no vision projector F32; there are BF16, F16, Q8_0"):
        file_names.by_tag(REPO, FILES, "mmproj", "F32")


@pytest.mark.parametrize(
    ("path", "tag"),
    [
        ("MiniCPM-V-4_5-Q4_K_M.gguf", "Q4_K_M"),
        ("mmproj-model-f16.gguf", "F16"),
        ("gemma-3-4b-it_q4_0.gguf", "Q4_0"),
        ("UD_IQ1_M/model-UD-IQ1_M-00001-of-00002.gguf", "UD-IQ1_M"),
        ("Q6_K/model-00001-of-00002.gguf", "Q6_K"),
        ("gpt-oss-20b-mxfp4.gguf", "MXFP4"),
        ("model-F16-Q4_K_M.gguf", "F16+Q4_K_M"),
        ("model.gguf", ""),
    ],
)
def test_the_tag_of_a_file_is_read_from_its_name(path: str, tag: str) -> None:
    assert names.tag(path) == tag


def test_two_candidates_are_listed_and_none_is_taken() -> None:
    with pytest.raises(OpsError, match="2 models Q4_K_M") as caught:
        file_names.by_tag(REPO, ["a-4B-Q4_K_M.gguf", "a-8B-Q4_K_M.gguf"], "model", "Q4_K_M")
    assert "a-4B-Q4_K_M.gguf" in str(caught.value)
    assert "a-8B-Q4_K_M.gguf" in str(caught.value)


def test_a_split_model_is_all_of_its_parts_in_order() -> None:
    parts = [f"Q8_0/a-Q8_0-0000{number}-of-00003.gguf" for number in (3, 1, 2)]
    assert file_names.by_tag(REPO, parts, "model", "Q8_0") == tuple(sorted(parts))
    assert [file_names.part(path, 3) for path in sorted(parts)] == ["1/3", "2/3", "3/3"]
    with pytest.raises(OpsError, match=r"has the parts 00001, 00003 of .*, which has 3"):
        file_names.by_tag(REPO, parts[:2], "model", "Q8_0")


def test_a_split_and_a_whole_file_of_one_quantization_are_two_candidates() -> None:
    with pytest.raises(OpsError, match="2 models Q8_0"):
        file_names.by_tag(
            REPO, ["a-Q8_0.gguf", "a-Q8_0-00001-of-00002.gguf", "a-Q8_0-00002-of-00002.gguf"], "model", "Q8_0"
        )


def test_files_whose_names_say_no_quantization_are_listed_and_no_advice_is_to_set_one() -> None:
    with pytest.raises(OpsError, match=r"no model Q4_K_M; there are a-i2_s\.gguf, b\.gguf") as caught:
        file_names.by_tag(REPO, ["a-i2_s.gguf", "b.gguf"], "model", "Q4_K_M")
    assert "set `file` to the path of one of them, in place of `quant`" in str(caught.value)
    with pytest.raises(OpsError, match=r"there are Q8_0 and a-i2_s\.gguf\n.*set `quant` to one of them, or `file` to"):
        file_names.by_tag(REPO, ["a-i2_s.gguf", "b-Q8_0.gguf"], "model", "Q4_K_M")
