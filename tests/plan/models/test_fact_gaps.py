"""What a preview says about facts that did not come from a model's own files."""

from typing import Any

import pytest

from plan import config
from plan.models import fact_gaps
from plan.models.gguf_facts import FactSource, GgufFacts, Projector, Shape, Weights
from plan.models.lock import LockedModel
from tests import stacks


def with_facts(facts: GgufFacts, model_id: str = "qwen3vl-8b") -> dict[str, LockedModel]:
    return {model_id: stacks.locked().models[model_id].model_copy(update={"gguf": facts})}


def notes(locked: dict[str, LockedModel], **keys: Any) -> tuple[str, ...]:
    """What is said of models that the stack t4 has so, with more `keys` at each."""
    (some, *_) = stacks.raw("t4")["models"].values()
    models = {model_id: config.Model.model_validate({**some, **keys}) for model_id in locked}
    return fact_gaps.notes(locked, models)


def weights(source: FactSource = "header") -> Weights:
    return Weights(gpu_bytes=1, input_bytes=0, tied_bytes=0, source=source)


def test_nothing_is_said_where_every_fact_is_from_a_header() -> None:
    header = GgufFacts(
        shape=Shape(architecture="llama", chat_template=False, source="header"),
        weights=weights(),
        projector=Projector(source="header"),
    )
    assert notes(with_facts(header)) == (), "what a header lacks, the file lacks: nobody can add it"


def test_one_group_from_elsewhere_is_enough_to_be_named() -> None:
    facts = GgufFacts(
        shape=Shape(architecture="llama", chat_template=False, source="header"),
        weights=weights("derived"),
        projector=Projector(source="header"),
    )
    (said,) = notes(with_facts(facts))
    assert "GPU memory rests on facts from outside the files: qwen3vl-8b (derived weights)." in said


def test_what_is_missing_comes_first_and_says_what_it_costs() -> None:
    facts = GgufFacts(shape=Shape(architecture="qwen3vl", context_length=1, source="published"))
    (said,) = notes(with_facts(facts))
    assert "qwen3vl-8b (no block_count, embedding_length and 9 more)" in said
    assert "can be bounded, not computed" in said
    assert facts.missing(has_projector=True)[-3:] == ("n_deepstack_layers", "weights", "projector")


def test_a_text_model_lacks_no_projector() -> None:
    header = GgufFacts(shape=Shape(architecture="llama", chat_template=False, source="header"), weights=weights())
    assert notes(with_facts(header, "qwen3-8b")) == ()
    assert notes(with_facts(header, "qwen3vl-8b")) != (), "its mmproj is on the volume and in no fact"


@pytest.mark.parametrize("stack", stacks.NAMES)
def test_a_lock_gives_three_sentences_at_most_each_with_one_command_for_all_of_its_models(stack: str) -> None:
    models = {model_id: stacks.locked().models[model_id] for model_id in reversed(stacks.raw(stack)["models"])}
    said = notes(models)
    assert len(said) <= 3
    for sentence in said:
        ids = sentence.rpartition("--update ")[2].removesuffix("`.").split()
        assert ids == sorted(ids)
        assert all(sentence.count(model_id) == 2 for model_id in ids), "named once, and once in the command"
        assert len(sentence) < 300, "more is not read"
    assert bool(said) == (stack != "cpu"), "the facts of the stack cpu are from its files' headers"


def test_models_that_lack_the_same_share_the_words_for_it() -> None:
    facts = GgufFacts(shape=Shape(architecture="qwen3vl", context_length=1, source="published"))
    (said,) = notes({**with_facts(facts, "qwen3vl-8b"), **with_facts(facts, "qwen3vl-4b")})
    assert "qwen3vl-4b, qwen3vl-8b (no block_count" in said


def template(**facts: Any) -> GgufFacts:
    shape = Shape(architecture="llama", source="header", **facts)
    return GgufFacts(shape=shape, weights=weights())


def test_a_lock_that_does_not_tell_of_tools_is_a_note_where_the_contract_depends_on_it() -> None:
    older = with_facts(template(chat_template=True), "qwen3-8b")

    (said,) = notes(older)

    assert said == (
        "Whether their chat templates have tools is not known: qwen3-8b. Run `bin/local-llm lock --update qwen3-8b`."
    )
    assert notes(older, tools=False) == ()
    assert notes(older, args={"chat-template": "chatml"}) == (), "whoever brings a template knows it"
    for known in (template(chat_template=False), template(chat_template=True, chat_template_tools=False)):
        assert notes(with_facts(known, "qwen3-8b")) == ()
