"""Objects deleted or edited behind Pulumi's back: a preview names each, one `up` mends it, the next one is empty."""

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.cluster import nodes
from dev.cluster.kubectl import find, kubectl
from dev.commands import new_volume
from dev.machine.steps import DevError
from dev.pulumi import mend
from dev.pulumi.stackfile import ROOT
from plan.base.errors import ConfigError
from plan.live.objects import drift
from tests.engine.mend.mending import NAME, here, mended, told, whole
from tests.engine.played import INSTANCE, Stack, image, up

CHILD = "llm:cluster:ClusterGuard$"  # in the URN of all that the guard lets be made
CLAIM = "llamacpp-models"
VOLUME, ADVERTISER = f"{NAME}-{CLAIM}", f"{NAME}-gpumem-advertise"
Damage = tuple[str, str, str, tuple[str, ...]]  # what is said of it; kubectl's verb, object and arguments

DELETED = {
    "Deployment": ["llama-swap", "gpumem-advertise"],
    "Service": ["llama-swap"],
    "Secret": ["llama-swap-api"],
    "Job": ["fetch-gemma-3-270m-q4", "fetch-gemma-3-270m-q3", "preflight"],
    "CronJob": ["prune-weights"],
    "ServiceAccount": ["gpumem-advertise"],
    "ClusterRole": [ADVERTISER],
    "ClusterRoleBinding": [ADVERTISER],
}
SERVER, SERVICE, ROLE, PV, PVC = (
    "deployment/llama-swap",
    "service/llama-swap",
    f"clusterrole/{ADVERTISER}",
    f"pv/{VOLUME}",
    f"pvc/{CLAIM}",
)
PORT = [{"op": "replace", "path": "/spec/ports/0/targetPort", "value": 9}]
ANY_VERB = [{"op": "replace", "path": "/rules/0/verbs", "value": ["*"]}]
OTHER_KEY = {"data": {"api-key": "b3RoZXI="}}
SELDOM = {"spec": {"schedule": "0 0 1 1 *"}}
THROWN_AWAY = {"spec": {"persistentVolumeReclaimPolicy": "Delete"}}


def merge(change: object, kind: str = "merge") -> tuple[str, ...]:
    return f"--type={kind}", "-p", json.dumps(change)


EDITED: list[Damage] = [
    ("spec.replicas is 0, was 1", "scale", SERVER, ("--replicas=0",)),
    ("containers[server].image is", "set image", SERVER, (f"server={image('other')}",)),
    ("env[HOME].value is '/other', was '/tmp'", "set env", SERVER, ("-c", "server", "HOME=/other")),
    (f"Service {NAME}/llama-swap", "label", SERVICE, ("app.kubernetes.io/part-of-",)),
    ("spec.ports[http].targetPort is 9, was 'http'", "patch", SERVICE, merge(PORT, "json")),
    (f"Secret {NAME}/llama-swap-api", "label", "secret/llama-swap-api", ("app.kubernetes.io/name-",)),
    ("spec.schedule is '0 0 1 1 *'", "patch", "cronjob/prune-weights", merge(SELDOM)),
    (f"Job {NAME}/preflight", "label", "job/preflight", ("app.kubernetes.io/instance=x", "--overwrite")),
    (f"Namespace {NAME}", "label", f"namespace/{NAME}", ("app.kubernetes.io/managed-by=me", "--overwrite")),
    (f"Deployment {NAME}/gpumem-advertise", "scale", "deployment/gpumem-advertise", ("--replicas=0",)),
    ("rules[0].verbs[0] is '*', was 'get'", "patch", ROLE, merge(ANY_VERB, "json")),
    ("ReclaimPolicy is 'Delete', was 'Retain'", "patch", PV, merge(THROWN_AWAY)),
    (f"PersistentVolumeClaim {NAME}/{CLAIM}", "label", PVC, ("app.kubernetes.io/name-",)),
]


def untimed(said: str) -> str:
    return re.sub(r"(?m)^\[.*?s\] ", "", said)


def maps(stack: Stack) -> list[str]:
    listed = kubectl(INSTANCE, "get", "configmap", "-n", stack.namespace, "-o", "jsonpath={.items[*].metadata.name}")
    return [name for name in listed.split() if name != "kube-root-ca.crt"]


def test_everything_that_was_deleted_is_named_and_made_again(deployed: Stack) -> None:
    key, config_maps = here("get", "secret/llama-swap-api", "-o", "jsonpath={.data}"), maps(deployed)
    everything = {**DELETED, "ConfigMap": config_maps}
    for kind, names in everything.items():
        here("delete", kind, *names)
    state = deployed.cli.state()

    said, shown = told(deployed, mend.before_preview)

    of_all = ("ClusterRole", "ClusterRoleBinding")
    for kind, names in everything.items():
        for name in names:
            assert f"{kind} {'' if kind in of_all else f'{NAME}/'}{name} is gone; an `up` mends it" in said
    assert len(said.splitlines()) == sum(map(len, everything.values())), "each in a line, and nothing else"
    assert set(shown.steps().values()) == {"create"}
    assert len(shown.steps()) == len(said.splitlines())
    assert deployed.cli.state() == state, "a preview changes nothing"
    mended(deployed)
    assert here("get", "secret/llama-swap-api", "-o", "jsonpath={.data}") == key, "consumers keep their key"


def test_everything_that_was_edited_is_named_and_taken_back(deployed: Stack) -> None:
    def now(place: str) -> Any:
        found = json.loads(here("get", place, "-o", "json"))
        metadata = {key: found["metadata"].get(key) for key in ("uid", "labels")}
        return {key: found.get(key) for key in ("spec", "data", "rules")} | metadata

    before = {place: now(place) for _, _, place, _ in EDITED}
    for _, verb, place, arguments in EDITED:
        here(*verb.split(), place, *arguments)

    said, shown = told(deployed, mend.before_preview)

    for words, *_ in EDITED:
        assert words in said
    assert set(shown.steps().values()) == {"update"}, "nothing has to be replaced"
    mended(deployed)
    assert {place: now(place) for place in before} == before


def test_what_no_apply_takes_back_is_named_with_the_command_that_does(deployed: Stack) -> None:
    key = here("get", "secret/llama-swap-api", "-o", "jsonpath={.data}")
    pod = here("get", "pod", "-l", "app.kubernetes.io/component=server", "-o", "name")
    here("patch", "secret/llama-swap-api", *merge(OTHER_KEY))
    here("patch", SERVICE, *merge([{"op": "replace", "path": "/spec/ports/0/port", "value": 9}], "json"))

    said, _ = told(deployed, mend.before_up)
    assert untimed(told(deployed, mend.before_up)[0]) == untimed(said), "it is not forgotten"

    assert "data.api-key was written anew; run `" in said
    assert "spec.ports[http].port is 9, was 8080; run `" in said
    for command in re.findall(r"run `kubectl ([^`]+)`", said):
        kubectl(INSTANCE, *command.split())
    mended(deployed)
    assert here("get", "secret/llama-swap-api", "-o", "jsonpath={.data}") == key
    assert here("get", "pod", "-l", "app.kubernetes.io/component=server", "-o", "name") == pod, "nobody has to wait"


def test_who_may_not_look_loses_this_check_alone(deployed: Stack, tmp_path: Path) -> None:
    access = yaml.safe_load(deployed.cli.kubeconfig.read_text())
    access["users"][0]["user"]["as"] = "nobody"
    file = tmp_path / "kubeconfig"
    file.write_text(yaml.safe_dump(access))
    powerless = dataclasses.replace(deployed, cli=dataclasses.replace(deployed.cli, kubeconfig=file))

    said, ready = told(powerless, mend.before_preview)

    assert len(said.splitlines()) == 1
    assert re.search(r'is not known: .*User "nobody" cannot get resource "', said)
    assert ready.cli == powerless.cli


@pytest.mark.parametrize("lost", ["gone", "being deleted"])
def test_a_lost_volume_is_refused_and_the_named_command_makes_it_anew(deployed: Stack, lost: str) -> None:
    if lost == "being deleted":
        here("delete", "pvc", CLAIM, "--wait=false")  # its pods hold it
    else:
        here("delete", "deployment/llama-swap", "cronjob/prune-weights")
        here("delete", "job", "--all")
        here("delete", "pvc", CLAIM)
        here("delete", "pv", VOLUME)
    before = deployed.cli.state()

    for look in (mend.before_preview, mend.before_up):
        with pytest.raises(DevError) as refused:
            told(deployed, look)
        assert f"PersistentVolumeClaim {NAME}/{CLAIM} is {lost}" in refused.value.what
        assert (f"PersistentVolume {VOLUME} is gone" in refused.value.what) == (lost == "gone")
        assert "`make new-volume up`" in refused.value.fix
    assert deployed.cli.state() == before

    new_volume.forget(deployed.cli)
    mended(deployed)
    assert deployed.get("pvc", CLAIM)["status"]["phase"] == "Bound"


def test_files_that_would_go_with_their_volume_are_kept(deployed: Stack) -> None:
    here("patch", PV, *merge(THROWN_AWAY))

    with pytest.raises(DevError, match="has the reclaim policy Delete, which would delete the files") as refused:
        new_volume.forget(deployed.cli)

    assert deployed.get("deployment", "llama-swap"), "nothing was deleted"
    name, patch = re.findall(r"kubectl patch pv (\S+) -p '([^']+)'", refused.value.fix)[0]
    kubectl(INSTANCE, "patch", "pv", name, "-p", patch)
    assert told(deployed, mend.before_preview)[0] == ""


def test_the_runbooks_way_without_make(deployed: Stack) -> None:
    deployed.raw["volume"]["nfs"]["path"] = "/srv/elsewhere"
    page = (ROOT / "docs" / "runbooks" / "volume.md").read_text()
    (commands,) = re.findall(r"## Without make\n```sh\n(.*?)```", page, re.DOTALL)

    for line in commands.replace("llama-cpp-", f"{NAME}-").replace("-n llama-cpp", f"-n {NAME}").splitlines():
        program, *arguments = line.split()
        if program == "kubectl":
            kubectl(INSTANCE, *arguments)
        else:
            done = deployed.pulumi(*arguments, "--yes", "--skip-preview")
            assert done.returncode == 0, done.stdout + done.stderr

    assert deployed.get("pv", VOLUME)["spec"]["csi"]["volumeAttributes"]["share"] == "/srv/elsewhere"
    whole(deployed)


def test_the_state_of_another_cluster_is_refused_and_forgotten_as_the_runbook_says(
    deployed: Stack, stack: Stack
) -> None:
    state = deployed.cli.state()
    uid = stack.raw["cluster"]["id"]
    text = json.dumps(state).replace(uid, uid[::-1]).replace(NAME, stack.cli.stack)
    kept = json.loads(text)
    kept["deployment"]["resources"] = [it for it in kept["deployment"]["resources"] if CHILD not in it["urn"]]
    file = INSTANCE.state / "other.json"
    file.write_text(json.dumps(kept))
    stack.cli.run("stack", "import", "--file", str(file), quiet=True)

    with pytest.raises(DevError, match=f"the state is of the cluster {uid[::-1]}, and kubectl asks {uid}") as refused:
        told(stack, mend.before_up)
    with pytest.raises(DevError, match=f"kubectl asks {uid}"):
        mend.require_new_place(stack.cli, drift.objects(stack.cli.state()))
    page = (ROOT / refused.value.fix.partition("#")[0]).read_text()

    (command,) = re.findall(r"^pulumi (stack rm) prod (.*)$", page, re.MULTILINE)
    done = stack.pulumi(*" ".join(command).split())
    assert done.returncode == 0, done.stdout + done.stderr
    stack.cli.prepare()
    assert told(stack, mend.before_preview)[0] == ""
    assert set(stack.steps().values()) == {"create"}


def test_a_first_up_with_a_wrong_place_is_corrected_by_one_command(stack: Stack) -> None:
    place = {"path": "/srw", "node": nodes.CARD}
    stack.raw["volume"] = {"name": CLAIM, "size_gib": 5, "local": place}
    good = stack.raw["fetch"]["image"]
    stack.raw["fetch"]["image"] = image("exits-78")
    assert up(stack).returncode != 0
    stack.raw["fetch"]["image"], place["path"] = good, "/srv"

    with pytest.raises(DevError) as refused:
        told(stack, mend.before_preview)
    place["node"] = "k8s-node7"
    stack.write()
    for refuse in (lambda: told(stack, mend.before_preview), lambda: new_volume.forget(stack.cli)):
        with pytest.raises(ConfigError, match=r"No node has the label kubernetes.io/hostname=k8s-node7"):
            refuse()
    assert stack.get("pvc", CLAIM)["status"]["phase"] == "Bound", "nothing goes for a place that is none"
    place["node"] = nodes.CARD
    stack.write()
    said = "local-llm:stack.volume is /srv of the node k8s-node1, and this stack's volume was made for /srw of"
    assert said in str(refused.value)
    assert "`make new-volume up`" in refused.value.fix

    new_volume.forget(stack.cli)
    new_volume.forget(stack.cli)  # as somebody does who is not sure
    stack.up()
    assert find(INSTANCE, "pv", f"{stack.namespace}-{CLAIM}")
    whole(stack)
