"""Bad configuration is refused with the key, the value, the rule and the next step."""

import datetime
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plan import config
from plan.base.errors import ConfigError
from tests import stacks

PATTERNS = sorted({json.loads(text) for text in re.findall(r'"pattern": (".*")', config.json_schema())} - {"^.*$"})


@pytest.mark.parametrize("pattern", PATTERNS)
@given(data=st.data())
@settings(max_examples=5)
def test_each_pattern_of_the_schema_is_of_the_whole_text(pattern: str, data: st.DataObject) -> None:
    """`^a|b$` would take `ax` and `xb`: an editor would show as fine what the program refuses."""
    right = data.draw(st.from_regex(re.compile(pattern.removeprefix("^").removesuffix("$"), re.ASCII), fullmatch=True))
    assert not re.search(pattern, f"\1{right}")
    assert not re.search(pattern, f"{right}\1")


def test_the_committed_schema_is_the_models_own() -> None:
    committed = (stacks.ROOT / "stack.schema.json").read_text()
    assert committed == config.json_schema(), "run `make schema`"


def test_machine_facts_are_not_required_of_a_committed_file() -> None:
    schema = json.loads(config.json_schema())
    assert "cluster" not in schema["properties"]["config"]["properties"][config.KEY]["required"]


def _set(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(raw: dict[str, Any]) -> None:
        *parents, last = path.split("/")
        for part in parents:
            raw = raw[part]
        raw[last] = value

    return change


def _delete(path: str) -> Callable[[dict[str, Any]], None]:
    def change(raw: dict[str, Any]) -> None:
        *parents, last = path.split("/")
        for part in parents:
            raw = raw[part]
        del raw[last]

    return change


@pytest.mark.parametrize(
    ("change", "key", "said"),
    [
        (_set("gpu/modle", "t4"), "gpu.modle", "There is no such key"),
        (_set("volume/size_gib", "30Gi"), "volume.size_gib", "Write a whole number"),
        (_set("volume/size_gib", 0), "volume.size_gib", "Write more than 0"),
        (
            _set("volume/local", {"path": "/srv", "node": "n"}),
            "volume.local",
            "exactly one of nfs, local and existing_claim",
        ),
        (_delete("volume/nfs"), "volume.nfs", "exactly one of nfs, local and existing_claim"),
        (_set("namespace", "llama_cpp"), "namespace", "not '_'"),
        (_set("namespace", "LlamaCpp"), "namespace", "not 'C' 'L'"),
        (_set("namespace", "a" * 64), "namespace", "1 to 63 characters"),
        (
            _set("models/" + "m" * 129, {"repo": "a/b", "quant": "Q8_0", "context": 1}),
            "models.mmm",
            "128 are the most",
        ),
        (_set("models", {}), "models", "Write 1 or more of them"),
        (_delete("models/qwen3-8b/context"), "models.qwen3-8b.context", "shrinks the context"),
        (_set("models/qwen3-8b/aliases", ["qwen3vl-4b"]), "qwen3-8b.aliases.0", "qwen3vl-4b is a model's id already"),
        (_set("models/qwen3-8b/repo", "Qwen3-8B-GGUF"), "models.qwen3-8b.repo", "A repository is owner/name"),
        (_set("server/image", "ghcr.io/mostlygeek/llama-swap:cuda"), "server.image", "pinned by digest"),
        (_set("volume/nfs/mount_options", ["nfsvers=4.2", "soft"]), "mount_options.1", "SIGBUS"),
        (_set("volume/nfs/mount_options", ["nocto"]), "mount_options.0", "READY.json"),
        (_set("gpu/tenants/frigate", {"peak_mib": 0}), "tenants.frigate.peak_mib", "Write more than 0"),
        (
            _set("gpu/tenants/frigate", {"peak_mib": 5, "idle_mib": 9}),
            "tenants.frigate.idle_mib",
            "more than peak_mib 5",
        ),
        (_set("models/qwen3-8b/ttl_s", 0), "models.qwen3-8b.ttl_s", "Write 1 or more"),
        (_set("server/ttl_s", 0), "server.ttl_s", "Write 1 or more"),
        (_set("immich/model_ttl_s", 0), "immich.model_ttl_s", "0 means never unload"),
        (_set("gpu/tenants/frigate/scaled_to_zero_until", "soon"), "frigate.scaled_to_zero_until", "as 2026-12-31"),
        (_set("gpu/tenants/frigate/scaled_to_zero_until", 20261201), "frigate.scaled_to_zero_until", "as 2026-12-31"),
        (
            _set("gpu/tenants/frigate/scaled_to_zero_until", "2026-02-30"),
            "frigate.scaled_to_zero_until",
            "There is no such day",
        ),
        (_set("gpu/tenants/frigate/workload", "frigate"), "tenants.frigate.workload", "namespace/name"),
        (_set("gpu/tenants/frigate/measured", {"mib": 1951, "date": "2026-07-07"}), "tenants.frigate", "1951 or more"),
        (
            _set("gpu/model", "other"),
            "gpu.card.total_mib",
            "needs card.total_mib, card.context_mib, card.compute_capability",
        ),
        (_set("models/qwen3-8b/kv_type", "q5_1"), "models.qwen3-8b.kv_type", "'f16', 'q8_0' or 'q4_0'"),
        (_set("models/qwen3-8b/parallel", 0), "models.qwen3-8b.parallel", "Write more than 0"),
        (_set("models/qwen3-8b/measured", [{"mib": 1}]), "models.qwen3-8b.measured.0.context", "required"),
        (_delete("cluster"), "cluster", "kubectl get namespace kube-system"),
        (_set("fetch/endpoint", "https://user:pw@hub.example"), "fetch.endpoint", "no user, password"),
    ],
)
def test_a_bad_value_is_refused_by_its_key(change: Callable[[dict[str, Any]], None], key: str, said: str) -> None:
    raw = stacks.raw("t4")
    change(raw)

    with pytest.raises(ConfigError) as caught:
        config.parse(raw)

    assert key in str(caught.value)
    assert said in str(caught.value)


def test_every_problem_is_told_at_once() -> None:
    raw = stacks.raw("t4")
    _set("namespace", "A")(raw)
    _set("gpu/model", "rtx")(raw)

    with pytest.raises(ConfigError) as caught:
        config.parse(raw)

    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize(
    "written", ["2026-12-01", datetime.date(2026, 12, 1), "2026-12-01 00:00:00 +0000 UTC", "2026-12-01T00:00:00Z"]
)
def test_a_day_is_the_same_with_and_without_quotes(written: object) -> None:
    raw = stacks.raw("t4")
    _set("gpu/tenants/frigate/scaled_to_zero_until", written)(raw)
    assert config.parse(raw).gpu.tenants["frigate"].scaled_to_zero_until == datetime.date(2026, 12, 1)


def test_an_unquoted_off_that_yaml_made_false_still_means_off() -> None:
    raw = stacks.raw("t4")
    _set("models/qwen3-8b/reasoning", False)(raw)
    assert config.parse(raw).models["qwen3-8b"].reasoning == "off"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda c: st.lists(c) | st.dictionaries(st.text(), c)
    )
)
def test_whatever_is_written_there_the_answer_is_a_config_error(raw: Any) -> None:
    with pytest.raises(ConfigError):
        config.parse(raw)
