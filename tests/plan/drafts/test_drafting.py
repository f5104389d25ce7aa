"""A draft of a model from its keys to flags, Jobs, memory and refusals; `mtp` likewise."""

import json
import re
import shlex
from typing import Any

import pytest

from plan import config
from plan.base.errors import ConfigError
from plan.engine.args import options
from plan.models import lock
from plan.models.gguf_facts import GgufFacts, Shape
from plan.models.lock import Lock
from plan.plan import Plan
from pods.fetch.manifest import Manifest as FetchManifest
from pods.gate.gate import Manifest as GateManifest
from tests import stacks
from tests.plan.drafts import entries as drafts
from tests.plan.models.entries import refusal, with_entry, with_facts
from tests.plans import made

ID = "qwen3-8b"
DRAFT = {"repo": drafts.REPO, "quant": "Q8_0"}
LARGE = {"model": "other", "card": {"total_mib": 81920, "context_mib": 300, "compute_capability": 9.0}}
OWN_BLOCKS: dict[str, Any] = {
    "architecture": "qwen35", "block_count": 33, "embedding_length": 4096, "feed_forward_length": 12288,
    "head_count": 16, "head_count_kv": 4, "key_length": 256, "value_length": 256, "full_attention_interval": 4,
    "conv_kernel": 4, "inner_size": 4096, "state_size": 128, "group_count": 16, "time_step_rank": 32,
    "nextn_predict_layers": 1, "source": "header",
}  # fmt: skip


def raw(stack: str = "t4", build: int = 11312, engine: str = "llama-swap", **keys: Any) -> dict[str, Any]:
    found = stacks.raw(stack)
    found["gpu"] |= LARGE if stack == "t4" else {}
    found["server"] |= {"engine": engine, "memory_limit_mib": 65536}
    found["server"]["image"] = f"ghcr.io/a/b:v1-b{build}@sha256:{'1' * 64}"
    found["models"] = {ID: {**found["models"][ID], "fallback": None, **keys}}
    return found


def blocks(nextn_bytes: int = 200 << 20) -> Lock:
    """The lock of a hybrid model with a block that drafts."""
    entry = with_facts(ID, shape=OWN_BLOCKS, weights={"nextn_bytes": nextn_bytes})
    (file,) = entry.files
    larger = file.model_copy(update={"size": file.size + nextn_bytes})
    return with_entry(ID, entry.model_copy(update={"files": (larger,)}))


def flags(plan: Plan) -> dict[str, str]:
    found = re.search(r"cmd: (.*?)(?=\n    \w|\n  \S|\Z)", plan.server.files["llama-swap.yaml"], re.DOTALL)
    assert found
    words = shlex.split(found[1].replace("\n", " ").strip("'\" "))
    return {word: after for word, after in zip(words, [*words[1:], ""], strict=True) if word.startswith("--")}


def test_a_draft_is_served_from_the_generation_of_its_model_with_all_layers_on_the_card() -> None:
    said = flags(made(raw(draft={**DRAFT, "max": 8, "min": 2})))

    assert re.fullmatch(r"/models/qwen3-8b/[0-9a-f]{12}/draft\.gguf", said["--model-draft"])
    assert said["--model-draft"].rpartition("/")[0] == said["--model"].rpartition("/")[0]
    assert (said["--spec-type"], said["--gpu-layers-draft"]) == ("draft-simple", said["--n-gpu-layers"])
    assert (said["--spec-draft-n-max"], said["--spec-draft-n-min"]) == ("8", "2")
    assert "--cache-type-k-draft" not in said


def test_a_drafts_cache_has_the_type_of_its_models_and_on_a_cpu_no_layer_is_elsewhere() -> None:
    said = flags(made(raw(draft=DRAFT, kv_type="q8_0")))
    assert (said["--cache-type-k-draft"], said["--cache-type-v-draft"]) == ("q8_0", "q8_0")
    assert (said["--spec-draft-n-max"], "--spec-draft-n-min" in said) == ("3", False)

    stack = raw(draft=DRAFT)
    stack["gpu"] = {"model": "none"}
    assert flags(made(stack))["--gpu-layers-draft"] == "0"


def test_blocks_of_the_model_draft_without_a_file() -> None:
    said = flags(made(raw(mtp=True, draft={"max": 2}), blocks()))

    assert (said["--spec-type"], said["--spec-draft-n-max"]) == ("draft-mtp", "2")
    assert "--model-draft" not in said


def test_every_flag_of_a_draft_is_one_of_the_build_that_we_know_and_no_name_of_args() -> None:
    plan = made(raw(draft={**DRAFT, "min": 1}, kv_type="q8_0", engine="llama-server"))
    names = {line.partition(" = ")[0] for line in plan.server.files["models.ini"].splitlines() if "draft" in line}

    assert len(names) == 7
    for name in names:
        assert name in options(), name
        with pytest.raises(ConfigError, match=r"Use `draft`|A draft's cache has|A draft is on the card"):
            made(raw(args={name: 1}))


def test_without_a_draft_nothing_of_it_is_rendered() -> None:
    plan = made(raw())

    assert not [name for name, text in plan.server.files.items() if "draft" in text]
    assert not [job for job in plan.fetches.jobs if "draft" in job.manifest]


@pytest.mark.parametrize("repo", [None, drafts.REPO])
def test_the_jobs_fetch_and_the_gate_awaits_a_draft_from_wherever_it_is(repo: str | None) -> None:
    keys = {"quant": "Q8_0", **({"repo": repo} if repo else {})}
    plan = made(raw(draft=keys))

    (job,) = plan.fetches.jobs
    model, draft = FetchManifest.parse(job.manifest).files
    assert (model.repo, draft.link) == ("", "draft.gguf")
    assert (draft.repo, bool(draft.commit)) == (repo or "", bool(repo))
    (awaited,) = GateManifest.parse(plan.server.files["gate.json"]).models
    assert "draft.gguf" in json.dumps(awaited, default=vars)
    assert plan.prune.manifest.count("d" * 64) == 1


@pytest.mark.parametrize(
    ("keys", "key", "said"),
    [
        ({"draft": {}}, "draft.quant", "a draft has `quant`"),
        ({"draft": {"repo": "a/b"}}, "draft.quant", "a draft has `quant`"),
        ({"draft": {"quant": "Q8_0", "file": "a.gguf"}}, "draft.file", "a draft has `quant` or `file`, not both"),
        ({"draft": {**DRAFT, "min": 4}}, "draft.min", "min 4 is more than max 3: no draft would be used"),
        ({"draft": {**DRAFT, "max": 0}}, "draft.max", ""),
        ({"draft": {**DRAFT, "max": 600}, "parallel": 4}, "draft.max", "2404 tokens are checked at once"),
        ({"mtp": True, "draft": {"quant": "Q8_0"}}, "draft.quant", "leave `mtp` or this out"),
        ({"mtp": True, "draft": {"repo": "a/b"}}, "draft.repo", "leave `mtp` or this out"),
        ({"mtp": True}, "mtp", "Its file has no blocks that draft (nextn_predict_layers)"),
        (
            {"draft": DRAFT, "mode": "embedding", "pooling": "last"},
            "draft",
            "A model of mode embedding writes no answer",
        ),
    ],
)
def test_keys_that_contradict_each_other_are_refused(keys: dict[str, Any], key: str, said: str) -> None:
    told = refusal(raw(**keys))

    assert f"models.{ID}.{key}: got" in told
    assert said.lower() in told.lower()


@pytest.mark.parametrize(("build", "is_refused"), [(9179, True), (9180, False)])
@pytest.mark.parametrize("keys", [{"draft": DRAFT}, {"mtp": True}], ids=["draft", "mtp"])
def test_an_image_that_is_too_old_to_draft_is_refused(keys: dict[str, Any], build: int, *, is_refused: bool) -> None:
    locked = blocks() if "mtp" in keys else None
    if is_refused:
        told = refusal(raw(build=build, **keys), locked)
        assert f"server.image: got 'b{build}'" in told
        assert "or leave `draft` and `mtp` of the model out" in told or "nextn_predict_layers" in told
    else:
        made(raw(build=build, **keys), locked)


def test_an_image_without_a_build_is_noted_and_tried_before_the_rollout() -> None:
    stack = raw(draft=DRAFT)
    stack["server"]["image"] = f"ghcr.io/a/b:latest@sha256:{'1' * 64}"

    plan = made(stack)

    assert [note for note in plan.notes if "these models need b9180 or newer: the preflight Job reads it" in note]
    assert "9180" in plan.server.preflight.command


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"draft": {**DRAFT, "quant": "Q4_0"}}, "draft.quant: got 'Q4_0'. models.lock.yaml has Q8_0 for it"),
        ({"draft": {"repo": "c/d", "quant": "Q8_0"}}, f"draft.repo: got 'c/d'. models.lock.yaml has {drafts.REPO} for"),
        ({"draft": {"repo": drafts.REPO, "file": "x.gguf"}}, "draft.file: got 'x.gguf'. models.lock.yaml has draft/"),
        ({}, "draft: got nothing. models.lock.yaml has draft/small-DRAFT-Q8_0.gguf for it"),
    ],
)
def test_a_lock_with_another_draft_is_told_with_the_command_that_mends_it(keys: dict[str, Any], said: str) -> None:
    told = refusal(raw(**keys), locked_with())

    assert f"models.{ID}.{said}" in told
    assert f"Run `bin/local-llm lock --update {ID}`" in told


def locked_with(facts: GgufFacts = drafts.FACTS) -> Lock:
    stack = config.parse(raw(draft=DRAFT))
    drafter = stack.models[ID].drafter
    assert drafter
    return with_entry(ID, drafts.with_draft(stacks.locked().models[ID], drafter, facts))


def test_a_lock_without_the_draft_is_refused_and_one_with_it_reads_as_it_was_written() -> None:
    assert f"models.{ID}.draft: got 'Q8_0'. models.lock.yaml has none for it" in refusal(
        raw(draft=DRAFT), stacks.locked()
    )

    locked = locked_with()
    assert lock.load(lock.dump(locked)) == locked
    assert made(raw(draft=DRAFT), locked).fit


def shaped(**keys: Any) -> GgufFacts:
    return drafts.FACTS.model_copy(update={"shape": drafts.FACTS.shape.model_copy(update=keys)})


@pytest.mark.parametrize(
    ("facts", "key", "said"),
    [
        (shaped(vocab_size=151936 + 129), "shape.vocab_size", "at most 128 tokens more or less than 151936"),
        (shaped(pooling_type=1), "shape.architecture", "It writes no text, so it drafts none"),
        (shaped(block_count=0), "shape.block_count", "It is more than 0"),
        (
            drafts.FACTS.model_copy(update={"draft": GgufFacts(shape=Shape(architecture="a", source="header"))}),
            "draft",
            "neither a projector nor a draft",
        ),
    ],
    ids=["another vocabulary", "an embedding model", "no blocks", "a draft of a draft"],
)
def test_facts_of_a_draft_that_cannot_draft_are_refused(facts: GgufFacts, key: str, said: str) -> None:
    told = refusal(raw(draft=DRAFT), locked_with(facts))

    assert f"models.lock.yaml.models.{ID}.gguf.{'draft.' * (key != 'draft')}{key}" in told
    assert said.lower() in told.lower()


@pytest.mark.parametrize("apart", [0, 128, -128])
def test_a_few_tokens_more_or_less_are_no_other_vocabulary(apart: int) -> None:
    made(raw(draft=DRAFT), locked_with(shaped(vocab_size=151936 + apart)))


def test_a_draft_that_guesses_badly_is_noted() -> None:
    def notes(model_id: str, **keys: Any) -> list[str]:
        stack = stacks.raw("t4")
        stack["gpu"] |= LARGE
        stack["server"]["memory_limit_mib"] = 65536
        stack["models"] = {model_id: {**stack["models"][model_id], "fallback": None, "draft": DRAFT, **keys}}
        return [note for note in made(stack).notes if "draft" in note]

    assert notes(ID, context=40960) == []
    longer = {"context": 65536, "args": {"rope-scaling": "yarn", "rope-scale": 2}}
    (said,) = notes(ID, **longer)
    assert said.startswith(f"{ID}: its draft was trained for 40960 tokens, fewer than its context")
    (said,) = notes("qwen3vl-8b")
    assert said == "qwen3vl-8b: its draft sees no images, and guesses badly after one (draft)."
