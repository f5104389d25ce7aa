"""Ids and aliases as clients of OpenAI's API write them, and what they are called in the cluster."""

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from plan import config
from plan.base.errors import ConfigError
from plan.base.names import MODEL_ID, SLUG_MAX, fetch_job, labels, slug
from plan.kubernetes.names import LABEL_VALUE, dns_label
from plan.models import lock
from plan.plan import Plan
from tests.plans import made, renamed

USUAL = (
    "qwen3.5-9b", "gpt-3.5-turbo", "Org/name:tag", "unsloth/Qwen3-8B-GGUF:UD-Q4_K_XL", "text-embedding-3_small",
    "GPT-4o", "a", "7", "a" * 128, "a/b/c", "x:y:z", "a--b", "a..b",
)  # fmt: skip
UNUSUAL = (
    "", "-a", "a-", ".a", "a.", "/etc/passwd", "../a", "a/", "a:", "a b", "a,b", "a\nb", "a\0", "ä", "a]b", "a=b",
    "$(A)", "${A}", "*", "a" * 129, "a\u202eb", "'a'", "a#b", "a;b",
)  # fmt: skip
ids = st.from_regex(f"\\A{MODEL_ID.pattern}\\Z").filter(lambda text: text.isascii() and len(text) <= 128)
label_ids = st.from_regex(r"\A[a-z0-9]([a-z0-9-]{0,55}[a-z0-9])?\Z").filter(str.isascii)


def planned(*ids: str, engine: str = "llama-swap", **keys: Any) -> Plan:
    return made(*renamed(*ids, engine=engine, **keys))


def refused(*ids: str, **keys: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        planned(*ids, **keys)
    return str(caught.value)


@given(label_ids)
def test_a_label_is_called_what_it_is(model_id: str) -> None:
    assert slug(model_id) == model_id
    assert fetch_job(model_id) == f"fetch-{model_id}"


@given(ids)
def test_every_id_has_names_that_kubernetes_takes(model_id: str) -> None:
    assert dns_label(slug(model_id), SLUG_MAX) == slug(model_id) == slug(slug(model_id))
    assert dns_label(fetch_job(model_id))
    assert LABEL_VALUE(labels("fetch", "llama-cpp", model_id)["local-llm/model"])


@given(ids, ids)
def test_two_ids_have_two_names(one: str, other: str) -> None:
    assert (slug(one) == slug(other)) == (one == other)


@pytest.mark.parametrize("one", ["Qwen3.5", "a/b", "A"])
@pytest.mark.parametrize("change", [str.upper, lambda it: it.replace(".", "-"), lambda it: it.replace("/", ":")])
def test_ids_that_differ_in_case_or_a_sign_have_two_names(one: str, change: Any) -> None:
    assert change(one) == one or slug(change(one)) != slug(one)


@pytest.mark.parametrize("model_id", USUAL)
def test_an_id_is_served_under_its_own_name_and_kept_under_its_slug(model_id: str) -> None:
    plan = planned(model_id, aliases=["An/Alias:v1.5"])

    served = yaml.safe_load(plan.server.files["llama-swap.yaml"])["models"]
    assert list(served) == [model_id]
    assert served[model_id]["aliases"] == ["An/Alias:v1.5"]
    assert f" --alias {model_id} " in served[model_id]["cmd"], "or an answer names a path as its model"
    assert f" --model /models/{slug(model_id)}/" in served[model_id]["cmd"]
    assert plan.contract["models"][0]["id"] == model_id
    assert [entry["model_name"] for entry in yaml.safe_load(plan.litellm)["model_list"]] == [model_id, "An/Alias:v1.5"]
    (job,) = plan.fetches.jobs
    manifest = json.loads(job.manifest)
    assert (job.job, manifest["id"]) == (fetch_job(model_id), slug(model_id))
    assert manifest.get("model", manifest["id"]) == model_id
    assert [it["id"] for it in json.loads(plan.prune.manifest)["keep"]] == [slug(model_id)]
    assert [it["id"] for it in json.loads(plan.server.files["gate.json"])["models"]] == [slug(model_id)]


@pytest.mark.parametrize("model_id", UNUSUAL)
def test_what_is_no_id_is_refused_in_words(model_id: str) -> None:
    for said in (refused(model_id), refused("a", aliases=[model_id])):
        assert "odel's name has" in said or "128 are the most" in said


def test_ids_that_would_be_one_name_are_refused() -> None:
    said = refused("A/b", slug("A/b"))

    assert slug("A/b") in said
    assert "A/b and" in said or "and A/b" in said


def test_a_lock_keeps_such_ids() -> None:
    locked = renamed(*USUAL[:3])[1]

    assert lock.load(lock.dump(locked)) == locked


@pytest.mark.parametrize(
    ("model_id", "served"),
    [
        ("Org/name:tag", "Org/name:TAG"),
        ("a:q4_k_m", "a:Q4_K_M"),
        ("a:UD-Q4_K_XL", "a:Q4_K_XL"),
        ("a:v1.5", "a:5"),
        ("x:y:z", "x:y:Z"),
        ("a:x/y", "a:X/Y"),
    ],
)
def test_an_id_that_llama_cpps_router_would_change_is_refused_with_what_it_would_be(model_id: str, served: str) -> None:
    assert f"would serve it as {served}" in refused(model_id, engine="llama-server")
    assert f"[{served}]" in planned(served, engine="llama-server").server.files["models.ini"], "which can be followed"


@pytest.mark.parametrize("model_id", ["Org/name:Q4_K_M", "qwen3.5-9b", "A", "x:y:Z", "a/b"])
def test_other_ids_and_every_alias_are_kept_by_it(model_id: str) -> None:
    preset = planned(model_id, engine="llama-server", aliases=["a:v1.5", "b:c"]).server.files["models.ini"]

    assert f"[{model_id}]" in preset
    assert "alias = a:v1.5,b:c" in preset


def test_what_people_call_it_is_in_lists_of_models_and_in_the_contract() -> None:
    plan = planned("a", display_name="Qwen 3.5 (9B)", description="Small: answers in a second.")

    served = yaml.safe_load(plan.server.files["llama-swap.yaml"])["models"]["a"]
    assert (served["name"], served["description"]) == ("Qwen 3.5 (9B)", "Small: answers in a second.")
    (told,) = plan.contract["models"]
    assert (told["displayName"], told["description"]) == ("Qwen 3.5 (9B)", "Small: answers in a second.")


@pytest.mark.parametrize("text", ["${env.LLAMA_SWAP_API_KEY}", "a ${b", "a\nb", " a", "a ", "\x1b[1m", "a\u202e", ""])
@pytest.mark.parametrize("key", ["display_name", "description"])
def test_what_people_call_it_is_text_and_no_macro(key: str, text: str) -> None:
    assert f"models.a.{key}" in refused("a", **{key: text})


def test_the_rule_of_ids_is_in_the_schema_for_editors() -> None:
    schema = json.loads(config.json_schema())

    assert MODEL_ID.pattern in json.dumps(schema["$defs"]["Model"]["properties"]["fallback"]).replace("\\\\", "\\")
