"""What plan/ writes for each program and what the program reads of it are the same, key by key and value by value."""

import dataclasses
import json
from collections.abc import Callable
from typing import Any, get_type_hints, is_typeddict

import pytest

from plan import config
from plan.base import pod_manifests
from pods.advertise.advertise import Order as AdvertiseOrder
from pods.fetch.manifest import Manifest as FetchManifest
from pods.gate.gate import Manifest as GateManifest
from pods.prune.judgement import Order as PruneOrder
from pods.warm.state import Manifest as WarmManifest
from tests import stacks
from tests.plan.drafts.entries import REPO, following
from tests.plans import made

COUNTED_IN_THE_POD = {"corrupt", "failed", "complete"}  # of a model that warm reads, not of its manifest


def written() -> dict[str, str]:
    """A manifest for each program, from a stack with every kind of pod there is."""
    raw = stacks.raw("t4")
    raw["gpu"]["memory"] = {"resource": "example.com/gpumem", "budget_mib": 14000, "advertise": "managed"}
    raw["gpu"]["node"]["memory_gib"] = 64
    raw["fetch"] |= {"proxy": "http://proxy.example:3128", "no_proxy": ["10.0.0.0/8"]}
    raw["fetch"]["ca_configmap"] = {"name": "trusted", "key": "ca.crt"}
    # An id that cannot be the name of a directory, so that the manifests have the key `model` too.
    (first, *_), locked = sorted(raw["models"]), stacks.locked()
    raw["models"]["0rg/Name:v1.5"] = raw["models"].pop(first)
    locked = locked.model_copy(update={"models": {**locked.models, "0rg/Name:v1.5": locked.models[first]}})
    # A draft from another repository, so that its file has a place of its own.
    raw["models"]["0rg/Name:v1.5"]["draft"] = {"repo": REPO, "quant": "Q8_0"}
    locked = following(config.parse(raw), locked)
    raw["server"]["memory_limit_mib"] = 24576
    raw["gpu"] |= {"model": "other", "card": {"total_mib": 81920, "context_mib": 300, "compute_capability": 9.0}}
    raw["gpu"]["memory"]["budget_mib"] = 70000
    plan = made(raw, locked)
    (warm,), (advertiser,) = plan.server.warm, plan.advertisers
    return {
        "fetch": plan.fetches.jobs[0].manifest,
        "gate": plan.server.files["gate.json"],
        "warm": warm.manifest,
        "prune": plan.prune.manifest,
        "advertise": advertiser.manifest,
    }


def of_gate(text: str) -> dict[str, Any]:
    manifest = GateManifest.parse(text)
    models = [
        {"id": it.id, "gen": it.gen, "files": [{"link": link, "size": size} for link, size in it.files]}
        for it in manifest.models
    ]
    return {**dataclasses.asdict(manifest), "models": models}


def of_prune(text: str) -> dict[str, Any]:
    order = PruneOrder.parse(text)
    keep = [{"id": model, "gen": gen, "sha256": sorted(hashes)} for (model, gen), hashes in order.keep.items()]
    return {"root": order.root, "mode": order.mode, "grace_s": order.grace_s, "keep": keep}


def of_warm(text: str) -> dict[str, Any]:
    found = dataclasses.asdict(WarmManifest.parse(text))
    models = [
        {key: it[key] for key in it if key not in COUNTED_IN_THE_POD and (key, it[key]) != ("model", "")}
        for it in found["models"]
    ]
    return {**found, "models": sorted(models, key=lambda it: it["id"])}


def of_fetch(text: str) -> dict[str, Any]:
    """A file says its repository only where that is another one than the model's."""
    found = dataclasses.asdict(FetchManifest.parse(text))
    return {**found, "files": [{key: it for key, it in file.items() if it != ""} for file in found["files"]]}


READ: dict[str, Callable[[str], dict[str, Any]]] = {
    "fetch": of_fetch,
    "gate": of_gate,
    "warm": of_warm,
    "prune": of_prune,
    "advertise": lambda text: dataclasses.asdict(AdvertiseOrder.parse(text)),
}


@pytest.mark.parametrize("program", sorted(READ))
def test_a_program_reads_every_key_of_its_manifest_and_finds_the_value_that_was_written(program: str) -> None:
    text = written()[program]

    read = json.loads(json.dumps(READ[program](text)))  # tuples as JSON has them

    assert {key: read[key] for key in json.loads(text)} == json.loads(text)


@pytest.mark.parametrize("program", sorted(READ))
def test_a_manifest_has_the_keys_of_its_schema_and_no_others(program: str) -> None:
    schema = getattr(pod_manifests, f"{program.capitalize()}Manifest")

    assert json.loads(written()[program]).keys() == get_type_hints(schema).keys()


def test_every_schema_is_of_a_program() -> None:
    whole = {name for name, it in vars(pod_manifests).items() if is_typeddict(it) and name.endswith("Manifest")}

    assert whole == {f"{program.capitalize()}Manifest" for program in READ}


@pytest.mark.parametrize("program", sorted(READ))
def test_a_key_that_a_program_does_not_know_is_refused(program: str) -> None:
    text = json.dumps({**json.loads(written()[program]), "colour": "blue"})

    with pytest.raises(Exception, match="the manifest is unusable"):
        READ[program](text)
