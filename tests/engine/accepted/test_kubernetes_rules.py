"""Each rule of plan/kubernetes against a real API server: it takes what the rule takes, and refuses what it refuses."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from plan.kubernetes.limits import CONFIG_MAP_BYTES, ID_MAX, INT32_MAX
from tests.engine.accepted.dry_run import ApiServer, deployment
from tests.plan.kubernetes.samples import RULES
from tests.soak import SOAK

Place = Callable[[str], dict[str, Any]]
CONTAINER = {"name": "c", "image": "x"}


def _named(api: str, kind: str, text: str, **rest: Any) -> dict[str, Any]:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": text}, **rest}


def _deployment(container: dict[str, Any], **pod: Any) -> dict[str, Any]:
    return deployment("generated", "x", {**CONTAINER, **container}, **pod)


def _cron_job(schedule: str) -> dict[str, Any]:
    template = {"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [CONTAINER]}}}}
    it = _named("batch/v1", "CronJob", "x", spec={"schedule": schedule, "timeZone": "Etc/UTC", "jobTemplate": template})
    it["metadata"]["namespace"] = "generated"
    return it


def _local_volume(path: str) -> dict[str, Any]:
    here = {"key": "kubernetes.io/hostname", "operator": "In", "values": ["n"]}
    affinity = {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}}
    spec = {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteMany"],
        "local": {"path": path},
        "nodeAffinity": affinity,
    }
    return _named("v1", "PersistentVolume", "x", spec=spec)


def _secret_variable(**selected: str) -> dict[str, Any]:
    return _deployment({"env": [{"name": "X", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k", **selected}}}]})


def _resource(name: str) -> dict[str, Any]:
    return _deployment({"resources": {"requests": {name: "1"}, "limits": {name: "1"}}})


# Where a stack's text of each kind ends up: one object each.
PLACES: dict[str, list[Place]] = {
    "label": [lambda text: _named("v1", "Namespace", text)],
    "subdomain": [lambda text: _secret_variable(name=text), lambda text: _deployment({}, priorityClassName=text)],
    "label key": [
        lambda text: _deployment({}, nodeSelector={text: "x"}),
        lambda text: _deployment({}, tolerations=[{"key": text, "operator": "Exists", "effect": "NoSchedule"}]),
    ],
    "label value": [
        lambda text: _deployment({}, nodeSelector={"x": text}),
        lambda text: _deployment({}, tolerations=[{"key": "x", "operator": "Equal", "value": text}]),
    ],
    "entry key": [lambda text: _secret_variable(key=text)],
    "extended resource": [_resource],
    "schedule": [_cron_job],
    "path": [_local_volume],
}


def test_every_rule_is_asked_about() -> None:
    assert PLACES.keys() == RULES.keys()


@pytest.mark.parametrize("rule", RULES)
def test_the_api_server_draws_the_line_where_the_rule_does(server: ApiServer, rule: str) -> None:
    first, *others = PLACES[rule]
    assert_agree(server, first, RULES[rule].taken, RULES[rule].refused)
    for place in others:  # where an empty text means none, which is a key left out in a stack file
        assert_agree(server, place, filter(None, RULES[rule].taken), filter(None, RULES[rule].refused))


def assert_agree(server: ApiServer, place: Place, taken: Iterable[str], refused: Iterable[str]) -> None:
    said = {text: server.refusal_of_create(place(text)) for text in taken}
    assert {text: why for text, why in said.items() if why and "AlreadyExists" not in why} == {}
    assert [text for text in refused if not server.refusal_of_create(place(text))] == [], "refused for nothing"


@pytest.mark.parametrize(
    ("it", "most"),
    [
        (lambda number: _deployment({}, securityContext={"runAsUser": number}), ID_MAX),
        (lambda number: _deployment({}, securityContext={"runAsGroup": number}), ID_MAX),
        (lambda number: _with_spec(_deployment({}), progressDeadlineSeconds=number), INT32_MAX),
    ],
)
def test_a_whole_number_ends_where_the_api_server_ends_it(
    server: ApiServer, it: Callable[[int], Any], most: int
) -> None:
    assert server.refusal_of_create(it(most)) == ""
    assert server.refusal_of_create(it(most + 1)) != ""


def _with_spec(it: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {**it, "spec": {**it["spec"], **spec}}


@pytest.mark.parametrize(("request_mib", "limit_mib"), [(2, 1), (2048, 2047), (2**30, 1)])
def test_a_request_above_its_limit_is_refused_there_too(server: ApiServer, request_mib: int, limit_mib: int) -> None:
    resources = {"requests": {"memory": f"{request_mib}Mi"}, "limits": {"memory": f"{limit_mib}Mi"}}
    assert "must be less than or equal to memory limit" in server.refusal_of_create(
        _deployment({"resources": resources})
    )


def test_a_config_map_ends_where_the_api_server_ends_it(server: ApiServer) -> None:
    def it(length: int) -> dict[str, Any]:
        made = _named("v1", "ConfigMap", "x", data={"a": "x" * (length - 1), "b": "x"})
        made["metadata"]["namespace"] = "generated"
        return made

    assert server.refusal_of_create(it(CONFIG_MAP_BYTES)) == ""
    assert server.refusal_of_create(it(CONFIG_MAP_BYTES + 1)) != ""


# A rule that takes less than Kubernetes, for a reason, is asked only about what it takes.
LESS = ("schedule", "path", "extended resource")
LETTERS = {"schedule": "0159*/-,? \tsunJAN", "path": "/..a -", "extended resource": "a0.-/_A"}
EXAMPLES_OF_A_RULE = 1000 if SOAK else 60


@pytest.mark.parametrize("rule", RULES)
def test_the_api_server_says_the_same_of_a_text_that_nobody_wrote(server: ApiServer, rule: str) -> None:
    place = PLACES[rule][0]

    @settings(max_examples=EXAMPLES_OF_A_RULE, phases=(Phase.generate,))
    @given(st.text(LETTERS.get(rule, "aA0-._/ $\u00e4\n"), max_size=70) | st.text(max_size=4))
    def same(text: str) -> None:
        ours, theirs = taken(rule, text), server.refusal_of_create(place(text))
        if ours or rule not in LESS:
            assert ours == (not theirs or "AlreadyExists" in theirs), (text, theirs)

    same()


def taken(rule: str, text: str) -> bool:
    try:
        RULES[rule].rule(text)
    except ValueError:
        return False
    return True
