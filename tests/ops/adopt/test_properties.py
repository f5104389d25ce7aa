"""Whatever a file says: an end in words, nothing lost without a line, and what is written is what was meant."""

import contextlib
import json
import shlex
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from ops.adopt.adoption import Adoption
from ops.adopt.text import piece
from plan.config import Model
from plan.engine.args import options, rendered
from plan.engine.llama_swap_schema import Config, ModelEntry
from plan.text.errors import TextError
from tests.ops.adopt.adopted import adopted

FLAGS = sorted({spelled for it in options().values() for spelled in (*(f"--{n}" for n in it.names), *dict(it.short))})
texts = st.text(min_size=1, max_size=12) | st.sampled_from(
    ["1", "-1", "0.5", "on", "off", "none", "8192", "q8_0", "f16", "a b", "x.gguf", "/m/y-Q4_0.gguf", "a/b:Q8_0",
     "${PORT}", "${env.X}", "#", "'", '"', "\\", "{\"enable_thinking\": true}", "CPU0", "\u202e", "\x1b[1m", "=", "-x"]
)  # fmt: skip
flags = st.lists(st.tuples(st.sampled_from([*FLAGS, "--of-another-build", "-zz"]), st.none() | texts), max_size=12)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
model_keys = st.sampled_from(sorted({*ModelEntry.model_fields, "port", "tags"} - {"cmd", "macros", "env"}))
file_keys = st.sampled_from(sorted({*Config.model_fields, "listen", "x"} - {"models", "macros"}))
wrappers = st.sampled_from(["", "env A=b ", "docker run -v /a:/b img ", "nice -n 5 "])
names = st.sampled_from(["A_B", "LLAMA_ARG_CTX_SIZE", "LLAMA_ARG_NO_MMAP", "LLAMA_ARG_X", "HF_TOKEN", "HOME", "9"])


@st.composite
def configurations(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """A file, and by id the flags that its commands have."""
    spelled: dict[str, list[str]] = {}
    models: dict[str, Any] = {}
    for model_id in draw(st.lists(st.sampled_from(["a", "B 2", "c/d:e", "f\u00e9", "-"]), min_size=1, unique=True)):
        given_ = draw(flags)
        words = [word for flag, value in given_ for word in (flag, value) if word is not None]
        source = draw(st.sampled_from(["-m /m/x-Q4_0.gguf", "-hf a/b", "-m x.gguf", ""]))
        models[model_id] = {
            **draw(st.dictionaries(model_keys, values, max_size=3)),
            "cmd": f"{draw(wrappers)}llama-server {source} {shlex.join(words)}",
            "env": [f"{name}={value}" for name, value in draw(st.dictionaries(names, texts, max_size=2)).items()],
        }
        spelled[model_id] = [flag for flag, _ in given_]
    return {**draw(st.dictionaries(file_keys, values, max_size=4)), "models": models}, spelled


def read_back(found: Adoption) -> dict[str, Any]:
    """The models of the printed piece, as YAML has them."""
    text = "\n".join(["models:", *(f"  {line}" for line in piece(found, "x.yaml"))])
    assert all(line.isprintable() for line in text.split("\n")), ascii(text)
    return yaml.safe_load(text)["models"] or {}


@given(configurations())
def test_every_flag_is_in_a_key_or_in_a_line_and_what_is_written_is_a_model(
    generated: tuple[dict[str, Any], dict[str, list[str]]],
) -> None:
    file, spelled = generated
    try:
        found = adopted(file)
    except TextError:  # half of a surrogate pair, a macro's growth
        return
    assert found.ids == len(file["models"])
    assert all(found.refused.values())
    for draft in found.drafts:
        told = " ".join([*draft.carried, *draft.anyway, *draft.left]).split()
        assert [flag for flag in spelled[draft.swap_id] if not {flag, f"{flag}:"} & {*told}] == []
        assert rendered(draft.model_id, Model.model_validate(draft.keys).args) is not None
    assert read_back(found) == {draft.model_id: draft.keys for draft in found.drafts}


_ELSEWHERE = {"cmd", "env", "ttl", "aliases"}  # a default or the id itself says nothing


@given(configurations())
def test_every_key_of_the_file_and_of_a_model_is_told_or_written(
    generated: tuple[dict[str, Any], dict[str, list[str]]],
) -> None:
    file, _ = generated
    try:
        found = adopted(file)
    except TextError:
        return
    about = json.dumps([found.left, found.needless])
    turns = {"groups", "matrix", "hooks", "routing"}  # tests/ops/adopt/test_turns.py
    assert [key for key, value in file.items() if value and key not in {*turns, "models"} and key not in about] == []
    for draft in found.drafts:
        lines = json.dumps([draft.keys, draft.left, draft.anyway])
        said = {key: value for key, value in file["models"][draft.swap_id].items() if str(value or "").strip()}
        kept = {"name": "display_name", "unlisted": "listed", "concurrencyLimit": "concurrency", "filters": ""}
        assert [key for key in said.keys() - _ELSEWHERE if kept.get(key, key) not in lines] == []


@given(values)
def test_whatever_stands_in_place_of_the_models_ends_in_words(value: Any) -> None:
    with contextlib.suppress(TextError):  # any other error would be none in words
        assert adopted({"models": value, "groups": value, "macros": {"a": 1}}).ids == len(value)
