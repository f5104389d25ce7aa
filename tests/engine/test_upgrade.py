"""Upgrades keep everything: this checkout's program, on clusters and states that released programs made.

Every later change has to pass this. Where a resource moves or gets another name, give it an alias (component type
tokens stay as they are, wherever the file goes); what restarts at an upgrade is written in CHANGELOG.md. To keep what a
newer release deploys as well: tests/engine/upgrade.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dev.cluster import cluster
from dev.cluster.played import stand_ins
from dev.machine.instance import Instance
from plan.base import names
from tests import checkout
from tests.engine.played import Stack, image
from tests.engine.upgrade import kept

# What nobody can give back: weights, the key that consumers have, and other people's Secrets.
NEVER_REPLACED = ("PersistentVolume", "PersistentVolumeClaim", "Secret", "Stash")


@pytest.fixture(params=kept.KEPT, ids=[f"{file.parent.name}-{file.stem}" for file in kept.KEPT])
def upgraded(machine: Instance, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stack]:
    """A stack as the release left it, for the program of this checkout."""
    cluster.fresh(machine)
    stand_ins.ensure(machine, image("immich"))
    kept.offer(machine)
    yield kept.restore(machine, request.param, checkout.copy_to(tmp_path))
    cluster.fresh(machine)


def test_an_upgrade_deletes_nothing_and_keeps_volume_claim_and_key(upgraded: Stack) -> None:
    machine = upgraded.cli.instance
    before = kept.objects(kept.state(upgraded))
    for it in before:
        assert kept.owned(kept.live(machine, it)["metadata"]) == kept.owned(it["outputs"]["metadata"]), it["urn"]
    lasting = {it["urn"]: it for it in before if kind(it["urn"]) in NEVER_REPLACED}
    assert {kind(urn) for urn in lasting} == {"PersistentVolume", "PersistentVolumeClaim", "Secret"}
    key, stash = upgraded.get("secret", names.API_KEY_SECRET)["data"], stashed(upgraded)

    previewed = upgraded.pulumi("preview", "--json")
    assert previewed.returncode == 0, previewed.stdout + previewed.stderr
    steps = [(step["op"], step["urn"]) for step in json.loads(previewed.stdout)["steps"]]
    print("\n".join(f"{op:20} {urn.rsplit('::', 1)[-1]}" for op, urn in steps if op not in {"same", "read"}))
    assert [urn for op, urn in steps if op == "delete"] == []
    assert [urn for op, urn in steps if "replace" in op and kind(urn) in NEVER_REPLACED] == []

    upgraded.up()

    for it in lasting.values():
        assert kept.live(machine, it)["metadata"]["uid"] == it["outputs"]["metadata"]["uid"], it["urn"]
    assert upgraded.get("secret", names.API_KEY_SECRET)["data"] == key
    assert stashed(upgraded) == stash
    assert upgraded.unchanged()


def kind(urn: str) -> str:
    """The last part of a URN's type: `PersistentVolume`."""
    return urn.split("::")[2].rsplit(":", 1)[-1]


def stashed(stack: Stack) -> list[Any]:
    """What the state keeps for ever: the API key."""
    found = [it["outputs"] for it in kept.state(stack)["deployment"]["resources"] if it["type"].endswith(":Stash")]
    assert len(found) == 1
    return [kept.plain(it["output"]) for it in found]
