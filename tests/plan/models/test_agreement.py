"""C1: a stack, its lock and the names of files that contradict each other are refused, in one place for everyone."""

import pytest

from plan.models import lock
from plan.models.lock import LockedFile
from tests import stacks
from tests.plan.models.entries import UPDATE, entry, found, refusal, renamed, with_entry, with_facts
from tests.plans import made


@pytest.mark.parametrize("file", ["models.lock.yaml", "tests/example/models.lock.yaml"])
def test_the_committed_locks_agree_with_themselves(file: str) -> None:
    for model in lock.load((stacks.ROOT / file).read_text()).models.values():
        assert found(model) == {}


@pytest.mark.parametrize(
    ("key", "value", "locked"),
    [
        ("repo", "Qwen/Qwen3-14B-GGUF", "Qwen/Qwen3-8B-GGUF"),
        ("revision", "refs/pr/1", "main"),
        ("revision", "0123456789" * 4, "main"),
        ("revision", "Main", "main"),
        ("quant", "Q8_0", "Q4_K_M"),
        ("quant", "UD-Q4_K_M", "Q4_K_M"),
        ("quant", "q4_k_m", "Q4_K_M"),
        ("mmproj", "F16", "none"),
    ],
)
def test_c1_a_stack_that_wants_something_else_is_told_both_values_and_the_command(
    key: str, value: str, locked: str
) -> None:
    raw = stacks.raw("t4")
    raw["models"]["qwen3-8b"][key] = value
    said = refusal(raw)
    assert f"models.qwen3-8b.{key}: got '{value}'. models.lock.yaml has {locked} for it." in said
    assert UPDATE.format("qwen3-8b") in said


@pytest.mark.parametrize("value", [None, "BF16", "Q8_0", "F32", "UD-F16"])
def test_c1_another_vision_projector_than_the_locked_one_is_refused(value: str | None) -> None:
    raw = stacks.raw("t4")
    raw["models"]["qwen3vl-8b"]["mmproj"] = value
    said = refusal(raw)
    assert f"models.qwen3vl-8b.mmproj: got {'nothing' if value is None else repr(value)}" in said
    assert "models.lock.yaml has F16 for it" in said
    assert UPDATE.format("qwen3vl-8b") in said


def test_c1_the_type_of_a_projector_is_written_in_any_case() -> None:
    raw = stacks.raw("t4")
    raw["models"]["qwen3vl-8b"]["mmproj"] = "f16"
    assert made(raw)


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("Qwen3-8B-UD-Q4_K_M.gguf", "UD-Q4_K_M"),
        ("Qwen3-8B-IQ4_K_M.gguf", "IQ4_K_M"),
        ("Qwen3-8B-Q8_0.gguf", "Q8_0"),
        ("Qwen3-8B-Q4_K_S.gguf", "Q4_K_S"),
        ("Qwen3-8B-Q4_K_M_L.gguf", "Q4_K_M_L"),
        ("Qwen3-8B-Q4_K.gguf", "Q4_K"),
        ("Qwen3-8B-BF16.gguf", "BF16"),
        ("Qwen3-8B-Q4_K_M-Q8_0.gguf", "Q4_K_M+Q8_0"),
        ("Q8_0/Qwen3-8B.gguf", "Q8_0"),
    ],
)
def test_c1_a_file_whose_name_says_another_quantization_is_refused(path: str, named: str) -> None:
    said = refusal(stacks.raw("t4"), with_entry("qwen3-8b", renamed("qwen3-8b", path)))
    assert f"models.lock.yaml.models.qwen3-8b.files.0.path: got '{path}'" in said
    assert f"The entry's quant is Q4_K_M, and its name says {named}" in said
    assert UPDATE.format("qwen3-8b") in said


@pytest.mark.parametrize("path", ["Q4_K_M/Qwen3-8B.gguf", "Q4_K_M/Qwen3-8B-q4_k_m.gguf", "x/Qwen3-8B-Q4_K_M.gguf"])
def test_c1_a_directory_may_say_it_and_case_does_not_count(path: str) -> None:
    assert made(stacks.raw("t4"), with_entry("qwen3-8b", renamed("qwen3-8b", path)))


@pytest.mark.parametrize(
    ("paths", "said"),
    [
        (("Qwen3VL-8B-Instruct-Q4_K_M.gguf", "mmproj-BF16.gguf"), "has BF16 for it"),
        (("Qwen3VL-8B-Instruct-Q4_K_M.gguf", "mmproj-Q8_0.gguf"), "has Q8_0 for it"),
        (("Qwen3VL-8B-Instruct-Q4_K_M.gguf", "mmproj.gguf"), "has mmproj.gguf for it"),
        (("Qwen3VL-8B-Instruct-Q4_K_M-00001-of-00002.gguf", "mmproj-F16.gguf"), "Its part is none, its name says 1/2"),
    ],
)
def test_c1_a_file_in_another_s_place_is_refused(paths: tuple[str, str], said: str) -> None:
    assert said in refusal(stacks.raw("t4"), with_entry("qwen3vl-8b", renamed("qwen3vl-8b", *paths)))


@pytest.mark.parametrize(
    ("file_type", "name"),
    [(7, "Q8_0"), (0, "F32"), (1, "F16"), (10, "Q2_K"), (18, "Q6_K"), (24, "IQ1_S"), (32, "BF16")],
)
def test_c1_a_header_that_says_another_number_of_bits_is_refused(file_type: int, name: str) -> None:
    said = refusal(stacks.raw("t4"), with_entry("qwen3-8b", with_facts(shape={"file_type": file_type})))
    assert f"gguf.shape.file_type: got {file_type}. It means {name}, and the entry's quant is Q4_K_M" in said


@pytest.mark.parametrize("file_type", [None, 2, 3, 14, 15, 25, 30, 38, 39, 33, 999])
def test_c1_a_mix_of_the_same_number_of_bits_or_a_number_of_a_newer_llama_cpp_is_not(file_type: int | None) -> None:
    assert "gguf.shape.file_type" not in found(with_facts(shape={"file_type": file_type}))


def part(number: int, total: int, of: str | None = "") -> LockedFile:
    path = f"x-Q4_K_M-{number:05d}-of-{total:05d}.gguf"
    return LockedFile(
        role="model", path=path, size=2_513_891_744, sha256=f"{number:064x}", part=of or f"{number}/{total}"
    )


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ((part(2, 3),), "These parts are not one whole model"),
        ((part(1, 3), part(3, 3)), "These parts are not one whole model"),
        ((part(1, 2), part(1, 2)), "These parts are not one whole model"),
        ((part(1, 2), part(2, 2, "2/3")), "These parts are not one whole model"),
        ((part(1, 2, "2/2"), part(2, 2, "1/2")), "Its part is 2/2, its name says 1/2"),
        ((part(1, 2), part(2, 3, "2/2")), "Its part is 2/2, its name says 2/3"),
    ],
)
def test_c1_parts_that_are_not_one_whole_model_are_refused(files: tuple[LockedFile, ...], said: str) -> None:
    changed = entry().model_copy(update={"files": files})
    told = refusal(stacks.raw("t4"), with_entry("qwen3-8b", changed))
    assert said in told
    assert UPDATE.format("qwen3-8b") in told


def test_a_whole_model_in_parts_is_accepted() -> None:
    changed = entry().model_copy(update={"files": (part(1, 2), part(2, 2))})
    assert made(stacks.raw("t4"), with_entry("qwen3-8b", changed))


def test_c1_a_generation_that_is_not_its_files_is_refused_with_the_one_that_is() -> None:
    whole = stacks.locked()
    wrong = entry().model_copy(update={"gen": "0" * 12})
    said = refusal(stacks.raw("t4"), whole.model_copy(update={"models": {**whole.models, "qwen3-8b": wrong}}))
    assert "models.lock.yaml.models.qwen3-8b.gen: got '000000000000'. It does not match its files" in said
    assert f"which give {entry().gen}" in said


def test_every_model_that_differs_is_named_at_once() -> None:
    raw = stacks.raw("t4")
    raw["models"]["qwen3-8b"]["quant"] = raw["models"]["qwen3vl-4b"]["quant"] = "Q8_0"
    raw["models"]["another"] = raw["models"]["qwen3-8b"]
    said = refusal(raw).splitlines()
    assert [line.split(":")[1].split(".")[2] for line in said] == ["another", "qwen3-8b", "qwen3vl-4b"]
