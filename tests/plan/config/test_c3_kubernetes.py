"""C3: what Kubernetes or the kubelet would refuse is refused at preview, with the key and the rule in words."""

from typing import Any

import pytest

from plan import config
from plan.base.errors import ConfigError
from tests.plan.config import every_key
from tests.plan.config.every_key import changed
from tests.plans import made

SHA = f"@sha256:{'1' * 64}"


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("gpu/slice/resource", "memory", "a domain of yours, a slash and a name"),
        ("gpu/slice/resource", "cpu", "a domain of yours"),
        ("gpu/slice/resource", "a b/c", "a domain of yours"),
        ("gpu/slice/resource", "hugepages-2Mi", "a domain of yours"),
        ("gpu/slice/resource", "ephemeral-storage", "a domain of yours"),
        ("gpu/slice/resource", "kubernetes.io/gpu", "Kubernetes' own"),
        ("gpu/memory/resource", "requests.example.com/gpu", "Kubernetes' own"),
        ("gpu/memory/resource", "pods", "a domain of yours"),
        ("gpu/node/selector", {"a b": "true"}, "label's key"),
        ("gpu/node/selector", {"nvidia.com/gpu.present": "it is"}, "label's value"),
        ("gpu/node/selector", {"UPPER.com/x": "true"}, "label's key"),
        ("gpu/node/selector", {"a/b/c": "true"}, "label's key"),
        ("gpu/node/selector", {"x": "v" * 64}, "64 characters long"),
        ("gpu/node/selector", {"x": "$(HF_TOKEN)"}, "label's value"),
        ("gpu/node/tolerations/0/key", "", "label's key"),
        ("gpu/node/tolerations/0/key", "nvidia.com/", "label's key"),
        ("gpu/node/tolerations/0/value", "a b", "label's value"),
        ("gpu/node/tolerations/0/effect", "NoShedule", "'NoSchedule'"),
        ("prune/schedule", "60 4 * * *", "minute of a schedule is *, or 0 to 59"),
        ("prune/schedule", "17 24 * * *", "hour of a schedule"),
        ("prune/schedule", "17 4 0 * *", "day of the month of a schedule"),
        ("prune/schedule", "17 4 * foo *", "month of a schedule is *, or 1 to 12 or jan to dec"),
        ("prune/schedule", "17 4 * * 7", "day of the week of a schedule"),
        ("prune/schedule", "17 5-4 * * *", "ends before it begins"),
        ("prune/schedule", "*/0 4 * * *", "a step of 0"),
        ("prune/schedule", "@every 1h", "five fields"),
        ("prune/schedule", "TZ=UTC 17 4 * * *", "five fields"),
        ("prune/schedule", "17 4 * *", "five fields"),
        ("server/image", f"ghcr.io/Upper/X{SHA}", "in lower case"),
        ("server/image", f"https://ghcr.io/a/b{SHA}", "no scheme"),
        ("server/image", f"ghcr.io/a/b:{SHA}", "registry/name:tag"),
        ("server/image", f"ghcr.io//b{SHA}", "registry/name:tag"),
        ("server/image", f"ghcr.io/a b{SHA}", "registry/name:tag"),
        ("server/image", f"ghcr.io/a/b{SHA}a", "64 characters"),
        ("fetch/image", f"python:3.13{SHA[:-1]}", "64 characters"),
        ("volume/nfs/server", "nas\nx", "A host is an address"),
        ("volume/nfs/server", "nas:/srv", "no IPv4 or IPv6"),
        ("volume/nfs/server", "http://nas", "no IPv4 or IPv6"),
        ("volume/nfs/server", "[fd00::1]", "no IPv4 or IPv6"),
        ("volume/nfs/server", "10.0.0.256", "no IPv4 or IPv6"),
        ("volume/nfs/server", "nas -o soft", "A host is an address"),
        ("volume/nfs/path", "srv", "begins with a slash"),
        ("volume/nfs/path", "/srv\x00", "control character"),
        ("volume/nfs/path", "/srv/../etc", "no '..'"),
        ("volume/nfs/mount_options", ["hard,soft"], "without commas"),
        ("volume/nfs/mount_options", ["hard\n"], "one word"),
        ("volume/name", "Models", "-' and '.' only"),
        ("volume/name", "a.b", "a-z, 0-9 and '-' only"),
        ("server/priority_class", "High", "-' and '.' only"),
        ("gpu/node/runtime_class", "Nvidia", "-' and '.' only"),
        ("gpu/node/runtime_class", "nvidia runtime", "-' and '.' only"),
        ("gpu/node/runtime_class", "", "-' and '.' only"),
        ("gpu/node/runtime_class", "x" * 254, "253 are the most"),
        ("fetch/token_secret/key", "../token", "the key of an entry"),
        ("fetch/token_secret/key", "..", "does not begin with '..'"),
        ("fetch/token_secret/name", "Hub", "-' and '.' only"),
        ("gpu/tenants/immich/workload", "immich/ML", "-' and '.' only"),
        ("gpu/tenants/immich/workload", "im.mich/ml", "a-z, 0-9 and '-' only"),
        ("namespace", "kube-system", "Kubernetes' own"),
        ("namespace", "kube-public", "Kubernetes' own"),
        ("namespace", "kube-node-lease", "Kubernetes' own"),
        ("cluster", None, "kubectl get namespace kube-system"),
        ("cluster", "11111111-2222-4333-8444-555555555555", "Write a mapping"),
        ("cluster/id", None, "Write a text"),
    ],
)
def test_c3_is_refused_with_its_key_and_the_rule(key: str, value: Any, said: str) -> None:
    path = tuple(int(part) if part.isdigit() else part for part in key.split("/"))
    with pytest.raises(ConfigError) as caught:
        config.parse(changed(every_key.raw(), path, value))

    assert f"local-llm:stack.{key.split('/')[0]}" in str(caught.value)
    assert said.lower() in str(caught.value).lower()


@pytest.mark.parametrize(("request_mib", "limit_mib"), [(4097, 4096), (2**30, 1), (12289, 12288), (2, 1), (4096, 2048)])
def test_c3_a_memory_request_above_its_limit(request_mib: int, limit_mib: int) -> None:
    raw = changed(every_key.raw(), ("server", "memory_limit_mib"), limit_mib)
    with pytest.raises(
        ConfigError, match=f"memory_request_mib {request_mib} is more than memory_limit_mib {limit_mib}"
    ):
        config.parse(changed(raw, ("server", "memory_request_mib"), request_mib))


def test_c3_the_deployments_name_serves_as_its_containers_where_it_can() -> None:
    raw = every_key.raw()
    del raw["immich"]["container"]
    assert made_ttl(raw).container == "ml"
    raw["immich"]["deployment"] = "ml.v2"
    with pytest.raises(ConfigError, match="write `container`"):
        config.parse(raw)


def test_c3_names_with_dots_that_kubernetes_takes_are_taken() -> None:
    raw = every_key.raw("existing_claim")
    raw["volume"]["name"] = "data.models-0"
    raw["fetch"]["token_secret"]["name"] = "hub.example"
    raw["server"]["priority_class"] = "gpu.high"
    config.parse(raw)


def test_c3_a_count_is_written_as_the_api_server_writes_it() -> None:
    plan = made(changed(every_key.raw(), ("gpu", "slice", "count"), 1000))
    assert plan.server.resources.limits["nvidia.com/gpu"] == "1k", "another spelling would differ at every preview"


def made_ttl(raw: dict[str, Any]) -> Any:
    from plan.card.immich_ttl import plan_ttl

    immich = config.parse(raw).immich
    assert immich
    return plan_ttl(immich)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ({"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}, ("Exists", None)),
        ({"key": "nvidia.com/gpu"}, ("Exists", None)),
        ({"key": "nvidia.com/gpu", "operator": "Equal", "value": "true"}, ("Equal", "true")),
        ({"key": "nvidia.com/gpu", "value": "true"}, ("Equal", "true")),
        ({"key": "nvidia.com/gpu", "operator": "Equal", "value": ""}, ("Equal", "")),
    ],
    ids=str,
)
def test_a_toleration_is_written_as_manifests_have_it_or_shorter(
    written: dict[str, str], meant: tuple[str, str]
) -> None:
    (plan,) = made(changed(every_key.raw(), ("gpu", "node", "tolerations"), [written])).server.tolerations

    assert (plan.operator, plan.value) == meant


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"key": "a", "operator": "Exists", "value": "b"}, "Exists has no value"),
        ({"key": "a", "operator": "Exists", "value": ""}, "Exists has no value"),
        ({"key": "a", "operator": "Equal"}, "Equal has a value"),
        ({"key": "a", "operator": "exists"}, "'Exists'"),
        ({"key": "a", "operator": "Gt", "value": "1"}, "'Exists'"),
        ({"operator": "Exists"}, "tolerations.0.key"),
    ],
    ids=str,
)
def test_a_toleration_that_kubernetes_refuses_or_that_means_every_taint(written: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config.parse(changed(every_key.raw(), ("gpu", "node", "tolerations"), [written]))
    assert said in str(caught.value)
