"""A stack file that has its weights somewhere else than the state's volume: which key says so."""

from typing import Any

import pytest

from plan import config
from plan.weights.moved import moved
from plan.weights.volume import plan_volume
from tests import stacks

Raw = dict[str, Any]
NFS = {"name": "models", "size_gib": 5, "nfs": {"server": "192.0.2.1", "path": "/srv"}}
LOCAL = {"name": "models", "size_gib": 5, "local": {"path": "/srv", "node": "node1"}}


def resources(volume: Raw, namespace: str = "llama-cpp") -> list[Raw]:
    """What a state has of a volume, as the plugin writes it."""
    claim = {"name": volume["name"], "namespace": namespace}
    size = {"resources": {"requests": {"storage": f"{volume['size_gib']}Gi"}}}
    if "nfs" in volume:
        attributes = {"server": volume["nfs"]["server"], "share": volume["nfs"]["path"]}
        source: Raw = {"csi": {"driver": "nfs.csi.k8s.io", "volumeAttributes": attributes}}
    else:
        here = {"key": "kubernetes.io/hostname", "operator": "In", "values": [volume["local"]["node"]]}
        terms = {"nodeSelectorTerms": [{"matchExpressions": [here]}]}
        source = {"local": {"path": volume["local"]["path"]}, "nodeAffinity": {"required": terms}}
    return [
        {"type": "pulumi:pulumi:Stack"},
        {"type": "kubernetes:core/v1:PersistentVolume", "inputs": {"metadata": {"name": "pv"}, "spec": source}},
        {"type": "kubernetes:core/v1:PersistentVolumeClaim", "inputs": {"metadata": claim, "spec": size}},
    ]


def found(volume: Raw, before: list[Raw], namespace: str = "llama-cpp") -> tuple[str, str, str] | None:
    raw = stacks.raw("cpu") | {"volume": volume, "namespace": namespace}
    stack = config.parse(raw)
    it = moved(plan_volume(stack.volume, stack.namespace), before)
    return it and (it.key.removeprefix(f"{config.KEY}."), it.now, it.before)


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        (NFS, NFS | {"nfs": {"server": "192.0.2.2", "path": "/srv"}}, "/srv of the NFS server 192.0.2.2"),
        (NFS, NFS | {"nfs": {"server": "192.0.2.1", "path": "/new"}}, "/new of the NFS server 192.0.2.1"),
        (LOCAL, LOCAL | {"local": {"path": "/srv", "node": "node2"}}, "/srv of the node node2"),
        (LOCAL, LOCAL | {"local": {"path": "/new", "node": "node1"}}, "/new of the node node1"),
        (NFS, LOCAL, "/srv of the node node1"),
        (LOCAL, NFS, "/srv of the NFS server 192.0.2.1"),
        (NFS, {"name": "models", "existing_claim": True}, "a claim that exists already"),
    ],
)
def test_another_place_is_named_with_the_one_before(before: Raw, now: Raw, said: str) -> None:
    key, place, was = found(now, resources(before)) or ("", "", "")

    assert (key, place) == ("volume", said)
    assert was.startswith("/srv of the n" if "local" in before else "/srv of the NFS")


def test_another_name_or_namespace_is_another_claim() -> None:
    assert found(NFS | {"name": "others"}, resources(NFS)) == ("volume.name", "others", "models")
    assert found(NFS, resources(NFS), "elsewhere") == ("namespace", "elsewhere", "llama-cpp")


@pytest.mark.parametrize("volume", [NFS, LOCAL])
def test_what_may_change_in_place_and_what_was_never_made_is_not_moved(volume: Raw) -> None:
    assert found(volume, resources(volume)) is None
    assert found(volume | {"read_mib_s": 500, "fs_group": True}, resources(volume)) is None
    assert found(volume | {"size_gib": 9}, resources(volume)) is None
    assert found(volume, []) is None
    assert found({"name": "others", "existing_claim": True}, []) is None, "it was a claim of their own before, too"
    without_claim = resources(volume)[:2]
    assert found(volume | {"name": "others"}, without_claim) is None, "a first up failed before the claim"


_HERE = {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": ["node2"]}]}


@pytest.mark.parametrize(
    "spec",
    [
        None,
        {},
        {"nfs": {"server": "192.0.2.9", "path": "/srv"}},
        {"hostPath": {"path": "/srv"}},
        {"csi": None},
        {"csi": {"driver": "ebs.csi.aws.com", "volumeHandle": "vol-1"}},
        {"csi": {"driver": "nfs.csi.k8s.io", "volumeAttributes": {"server": "192.0.2.9"}}},
        {"csi": {"driver": "nfs.csi.k8s.io", "volumeAttributes": {"server": None, "share": "/srv"}}},
        {"local": {"path": "/new"}},
        {"local": {"path": "/new"}, "nodeAffinity": {"required": {"nodeSelectorTerms": []}}},
        {"local": {"path": "/new"}, "nodeAffinity": {"required": {"nodeSelectorTerms": [_HERE, _HERE]}}},
        {"local": {"path": "/new"}, "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchFields": []}]}}},
        {"local": None, "nodeAffinity": {"required": {"nodeSelectorTerms": [_HERE]}}},
    ],
)
@pytest.mark.parametrize("volume", [NFS, LOCAL])
def test_of_a_volume_that_this_stack_would_not_write_nothing_is_said(volume: Raw, spec: Raw | None) -> None:
    before = resources(volume)
    before[1]["inputs"]["spec"] = spec

    assert found(volume, before) is None
    assert found(volume | {"name": "others"}, before) == ("volume.name", "others", "models"), "the claim still counts"


@pytest.mark.parametrize("inputs", [None, {}, {"metadata": None}, {"metadata": {"name": "models"}}])
def test_of_a_claim_without_name_or_namespace_nothing_is_said(inputs: Raw | None) -> None:
    before = resources(NFS)
    before[2]["inputs"] = inputs

    assert found(NFS | {"name": "others"}, before) is None
