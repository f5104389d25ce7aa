"""make_plan: the same input gives the same bytes, and the lock decides what is served."""

import dataclasses
import json
import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from plan.base.errors import ConfigError
from plan.engine import llama_swap_schema
from plan.models import lock
from plan.plan import Plan
from plan.weights.volume import NfsSource
from tests import stacks
from tests.plans import made, planned


def rendered(plan: Plan) -> str:
    return json.dumps(dataclasses.asdict(plan), indent=1, sort_keys=True) + "\n"


@given(st.permutations(sorted(stacks.raw("t4")["models"])), st.permutations(sorted(stacks.raw("t4"))))
def test_the_order_of_keys_changes_nothing(models: list[str], keys: list[str]) -> None:
    raw = stacks.raw("t4")
    raw["models"] = {model_id: raw["models"][model_id] for model_id in models}
    shuffled = made({key: raw[key] for key in keys})

    assert rendered(shuffled) == rendered(planned("t4"))


@pytest.mark.parametrize(("field", "value"), [("repo", "Other/Thing"), ("quant", "Q8_0"), ("mmproj", None)])
def test_a_configuration_that_the_lock_does_not_follow_says_which_command_to_run(field: str, value: str | None) -> None:
    raw = stacks.raw("t4")
    raw["models"]["qwen3vl-4b"][field] = value
    with pytest.raises(ConfigError, match=re.escape("bin/local-llm lock --update qwen3vl-4b")):
        made(raw)


def test_new_weights_change_the_servers_configuration_and_one_job_only() -> None:
    before, old = planned("t4"), stacks.locked()
    model = old.models["qwen3-8b"]
    file = model.files[0].model_copy(update={"sha256": "0" * 64})
    changed = model.model_copy(update={"files": (file,), "gen": lock.generation([file])})
    after = planned("t4", old.model_copy(update={"models": {**old.models, "qwen3-8b": changed}}))

    assert after.server.files != before.server.files, "a new generation always means a rollout"
    moved = [a.model_id for a, b in zip(after.fetches.jobs, before.fetches.jobs, strict=True) if a != b]
    assert moved == ["qwen3-8b"]


def test_header_facts_change_neither_the_server_nor_a_job() -> None:
    old = stacks.locked()
    model = old.models["qwen3-8b"]
    shape = model.gguf.shape.model_copy(update={"feed_forward_length": 12000, "head_count": None, "source": "derived"})
    model = model.model_copy(update={"gguf": model.gguf.model_copy(update={"shape": shape})})

    after, before = (
        planned("t4", old.model_copy(update={"models": {**old.models, "qwen3-8b": model}})),
        planned("t4"),
    )

    assert dataclasses.replace(after, notes=before.notes, fit=before.fit) == before
    assert after.notes != before.notes


def test_llama_swaps_file_is_one_that_llama_swap_reads() -> None:
    text = planned("t4").server.files["llama-swap.yaml"]

    parsed = llama_swap_schema.Config.model_validate(yaml.safe_load(text))

    assert set(parsed.models) == set(stacks.raw("t4")["models"])
    assert parsed.apiKeys == ["${env.LLAMA_SWAP_API_KEY}"], "the key itself must not lie in a ConfigMap"
    for entry in parsed.models.values():
        assert "--port ${PORT}" in entry.cmd, "the default port differs between builds"
        assert "--host 127.0.0.1" in entry.cmd, "only llama-swap may reach a model's process"


def test_the_load_timeout_covers_the_largest_model_at_the_slowest_rate() -> None:
    parsed = yaml.safe_load(planned("t4").server.files["llama-swap.yaml"])
    largest_mib = max(model.size_bytes for model in stacks.locked().models.values()) / 2**20
    assert parsed["healthCheckTimeout"] > largest_mib / stacks.raw("t4")["volume"].get("read_mib_s", 60)


def test_an_image_that_would_fill_the_context_is_refused() -> None:
    server = {**stacks.raw("t4")["server"], "image_max_tokens": 3072}
    with pytest.raises(ConfigError, match=r"models.qwen3vl-8b.context: got 3072.*server.image_max_tokens"):
        planned("t4", server=server)


def test_only_vision_models_are_told_how_large_an_image_may_be() -> None:
    entries = yaml.safe_load(planned("t4").server.files["llama-swap.yaml"])["models"]
    assert "--image-max-tokens 1024" in entries["qwen3vl-4b"]["cmd"]
    assert "image" not in entries["qwen3-8b"]["cmd"]


def test_every_layer_is_on_the_card_also_of_models_with_more_than_99() -> None:
    """Llama 3.1 405B has 126, and llama.cpp loads at most 512 (LLAMA_MAX_LAYERS)."""
    for stack, enough in (("t4", lambda layers: layers > 512), ("cpu", lambda layers: layers == 0)):
        text = "".join(planned(stack).server.files.values())
        asked = {int(layers) for layers in re.findall(r"n-gpu-layers(?: = | )(\d+)", text)}
        assert asked
        assert all(map(enough, asked))


def test_a_model_may_stay_longer_than_the_others_with_either_engine() -> None:
    raw = stacks.raw("t4")
    raw["models"]["qwen3-8b"]["ttl_s"] = 3600

    entries = yaml.safe_load(planned("t4", models=raw["models"]).server.files["llama-swap.yaml"])["models"]
    router = {**raw["server"], "engine": "llama-server"}
    ini = planned("t4", models=raw["models"], server=router).server.files["models.ini"]

    assert {model_id: entry["ttl"] for model_id, entry in entries.items() if entry["ttl"] != 600} == {"qwen3-8b": 3600}
    sections = {section.split("]")[0].strip("["): section for section in ini.split("\n\n") if "[" in section}
    assert "sleep-idle-seconds = 3600" in sections["qwen3-8b"]
    assert "sleep-idle-seconds = 600" in sections["qwen3vl-4b"]


def test_a_pause_of_the_nfs_server_is_waited_for() -> None:
    new = planned("t4").volume.new
    assert new
    assert isinstance(new.source, NfsSource)
    assert "hard" in new.source.mount_options
    assert not {"soft", "timeo=30"} & set(new.source.mount_options), "EIO and SIGBUS after nine seconds"


def test_an_operators_own_mount_options_replace_ours() -> None:
    volume = stacks.raw("t4")["volume"]
    volume["nfs"]["mount_options"] = ["nfsvers=4.2", "nconnect=4"]
    new = planned("t4", volume=volume).volume.new
    assert new
    assert isinstance(new.source, NfsSource)
    assert new.source.mount_options == ("nfsvers=4.2", "nconnect=4")


def test_a_deadline_that_an_operator_sets_wins_over_the_one_from_bytes() -> None:
    fetch = {**stacks.raw("t4")["fetch"], "deadline_s": 77}
    assert {job.deadline_s for job in planned("t4", fetch=fetch).fetches.jobs} == {77}
    total_mib = sum(stacks.locked().models[m].size_bytes for m in stacks.raw("t4")["models"]) / 2**20
    assert planned("t4").fetches.jobs[0].deadline_s > total_mib / 2


@given(st.sets(st.sampled_from(sorted(stacks.raw("t4")["models"])), min_size=1), st.booleans(), st.integers(25, 150))
def test_other_models_leave_a_models_job_as_it_is(ids: set[str], claimed: bool, size_gib: int) -> None:
    """Its deadline too: whoever is first would else be changed by whoever comes."""
    raw = stacks.raw("t4")
    volume = {"name": "claimed", "existing_claim": True} if claimed else {**raw["volume"], "size_gib": size_gib}
    jobs = {job.job: job for job in planned("t4", volume=volume).fetches.jobs}

    fewer = planned("t4", volume=volume, models={model_id: raw["models"][model_id] for model_id in ids})

    assert [jobs[job.job] for job in fewer.fetches.jobs] == list(fewer.fetches.jobs)


@pytest.mark.parametrize("size_gib", [25, 168, 169, 1000])
def test_a_deadline_is_enough_for_all_that_the_volume_holds_and_a_larger_volume_rarely_moves_it(size_gib: int) -> None:
    volume = {**stacks.raw("t4")["volume"], "size_gib": size_gib}
    (deadline_s,) = {job.deadline_s for job in planned("t4", volume=volume).fetches.jobs}

    assert deadline_s % 86400 == 0
    assert size_gib * 1024 / 2 < deadline_s < size_gib * 1024 / 2 + 2 * 86400


def with_memory(memory_gib: int | None) -> Plan:
    gpu = stacks.raw("t4")["gpu"]
    gpu["node"]["memory_gib"] = memory_gib
    return planned("t4", gpu=gpu)


def test_weights_are_read_ahead_where_the_node_has_room_for_them_beside_the_server() -> None:
    bytes_of_all = sum(stacks.locked().models[m].size_bytes for m in stacks.raw("t4")["models"])
    (warm,) = with_memory(64).server.warm

    limit_mib = int(warm.resources.limits["memory"].removesuffix("Mi"))
    assert 200 < limit_mib - bytes_of_all / 2**20 < 300, "the page cache it fills is charged to it"
    assert json.loads(with_memory(64).server.files["warm.json"])["models"][0]["priority"] == 0


@pytest.mark.parametrize(("memory_gib", "said"), [(None, "is not set"), (32, "do not fit the 32 GiB")])
def test_a_preview_says_why_weights_are_not_read_ahead(memory_gib: int | None, said: str) -> None:
    plan = with_memory(memory_gib)

    assert plan.server.warm == ()
    assert "warm.json" not in plan.server.files
    assert said in plan.notes[-1]
    assert "gpu.node.memory_gib" in plan.notes[-1]


def test_prune_keeps_what_the_lock_names_and_by_default_only_reports() -> None:
    order = json.loads(planned("t4").prune.manifest)

    assert (order["mode"], order["grace_s"]) == ("report", 86400)
    kept = {row["id"]: (row["gen"], set(row["sha256"])) for row in order["keep"]}
    locked = stacks.locked().models
    assert kept == {m: (locked[m].gen, {f.sha256 for f in locked[m].files}) for m in stacks.raw("t4")["models"]}


def test_both_engines_serve_the_same_files_with_the_same_flags() -> None:
    swap = planned("t4").server.files["llama-swap.yaml"]
    router = planned("t4", server={**stacks.raw("t4")["server"], "engine": "llama-server"}).server

    ini = router.files["models.ini"]
    for model_id, entry in yaml.safe_load(swap)["models"].items():
        section = ini.split(f"[{model_id}]\n")[1].split("\n\n")[0]
        for flag in re.findall(r"--([a-z-]+)", entry["cmd"]):
            assert flag in {"host", "port", "alias"} or f"{flag} = " in section, f"{flag} is missing for the router"
    assert "--models-max 1" in " ".join(router.arguments), "two models at once do not fit on the card"


def test_the_llama_swap_model_refuses_a_key_the_binary_does_not_read() -> None:
    with pytest.raises(ValueError, match="healthcheckTimeout"):
        llama_swap_schema.Config.model_validate({"models": {"a": {"cmd": "x"}}, "healthcheckTimeout": 20})


@pytest.mark.parametrize("count", [4, 64, 512])
def test_the_contract_lists_every_model_however_many(count: int) -> None:
    raw, old = stacks.raw("t4"), stacks.locked()
    raw["models"] = {f"model-{n}": raw["models"]["qwen3-8b"] for n in range(count)}
    many = old.model_copy(update={"models": dict.fromkeys(raw["models"], old.models["qwen3-8b"])})

    plan = made(raw, many)

    assert len(plan.contract["models"]) == len(plan.fetches.jobs) == count
