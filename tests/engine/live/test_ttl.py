"""The outage that started it: immich's TTL is changed behind our back. A preview names it, one `up` mends it."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dev.cluster.kubectl import apply, kubectl
from plan.base.names import IMMICH_TTL
from tests.engine.played import IMMICH, INSTANCE, Stack, image, immich

Damage = Callable[[Stack], object]
OWNER = "immich-owner"


def where(stack: Stack) -> tuple[str, ...]:
    return (f"deployment/{IMMICH}", "-n", f"{stack.namespace}-immich")


def live(stack: Stack) -> list[str | None]:
    """The values of the variable in immich's container."""
    spec = stack.get("deployment", IMMICH, f"{stack.namespace}-immich")["spec"]["template"]["spec"]
    return [entry.get("value") for entry in spec["containers"][0].get("env", []) if entry["name"] == IMMICH_TTL]


def set_env(stack: Stack, change: str = f"{IMMICH_TTL}=0") -> None:
    kubectl(INSTANCE, "set", "env", *where(stack), change)


def edit(stack: Stack) -> None:
    """`kubectl edit`, by an editor that changes what a person would."""
    editor = INSTANCE.run / "editor"
    editor.write_text('#!/bin/sh\nexec sed -i \'s/value: "600"/value: "0"/\' "$1"\n')
    editor.chmod(0o755)
    os.environ["KUBE_EDITOR"] = str(editor)
    try:
        kubectl(INSTANCE, "edit", *where(stack))
    finally:
        del os.environ["KUBE_EDITOR"]


def apply_again(stack: Stack, ttl: str = "0", manager: str = "helm", **spec: Any) -> None:
    """What a chart's owner does: the whole Deployment, server-side, and by force."""
    wanted = immich(f"{stack.namespace}-immich")
    container = wanted["spec"]["template"]["spec"]["containers"][0]
    container["env"] = [{"name": "TZ", "value": "UTC"}, {"name": IMMICH_TTL, "value": ttl}]
    wanted["spec"] |= spec
    apply(INSTANCE, wanted, manager=manager)


def replace(stack: Stack) -> None:
    """The object of before this project, without our annotations."""
    document = json.dumps(immich(f"{stack.namespace}-immich"))
    kubectl(INSTANCE, "replace", "--filename=-", stdin=document)


def remove_env(stack: Stack) -> None:
    patch = json.dumps([{"op": "remove", "path": "/spec/template/spec/containers/0/env"}])
    kubectl(INSTANCE, "patch", *where(stack), "--type=json", f"--patch={patch}")


MENDED: dict[str, tuple[Damage, str]] = {
    "kubectl set env": (set_env, "immich TTL is 0 since 20"),
    "and once more": (set_env, "UTC by kubectl-set, will be 600"),
    "kubectl edit": (edit, "UTC by kubectl-edit, will be 600"),
    "applied by force": (apply_again, "UTC by helm, will be 600"),
    "replaced as a whole": (replace, "UTC by kubectl-replace, will be 600"),
    "the variable taken away": (lambda stack: set_env(stack, f"{IMMICH_TTL}-"), "immich TTL is not set, will be 600"),
    "all variables taken away": (remove_env, "immich TTL is not set, will be 600"),
}


def test_a_changed_ttl_is_named_by_a_preview_and_mended_by_one_up(stack: Stack) -> None:
    stack.up()
    for name, (damage, said) in MENDED.items():
        damage(stack)
        assert live(stack) in (["0"], []), name

        preview = stack.pulumi("preview", "--json")
        assert changed(preview.stdout) == {"immich-patch"}, name
        assert said in preview.stdout, name
        assert "will be 600" in stack.up(), name

        assert live(stack) == ["600"], name
        assert stack.unchanged(), name


def changed(digest: str) -> set[str]:
    steps = json.loads(digest)["steps"]
    return {step["urn"].rsplit("::", 1)[-1] for step in steps if step["op"] not in {"same", "read"}}


LEFT_ALONE: dict[str, Damage] = {
    "scaled to none": lambda stack: kubectl(INSTANCE, "scale", *where(stack), "--replicas=0"),
    "another image": lambda stack: kubectl(INSTANCE, "set", "image", *where(stack), f"{IMMICH}={image('newer')}"),
    "labels": lambda stack: kubectl(INSTANCE, "label", *where(stack), "app.kubernetes.io/managed-by=Helm"),
    "our annotations taken away": lambda stack: kubectl(
        INSTANCE, "annotate", *where(stack), "local-llm/model-ttl-s-", "local-llm/model-ttl-mends-"
    ),
    "another variable": lambda stack: set_env(stack, "MACHINE_LEARNING_WORKERS=2"),
    "the same value by another owner": lambda stack: apply_again(stack, ttl="600", manager="helm"),
}


def test_what_the_owner_does_beside_the_ttl_is_no_change_of_ours(stack: Stack, tmp_path: Path) -> None:
    stack.up()
    set_env(stack)
    stack.up()  # so that the patch has mended something, which stays so
    for damage in LEFT_ALONE.values():
        damage(stack)
    assert live(stack) == ["600"]
    assert stack.unchanged()
    stack.raw["immich"]["model_ttl_s"] = 900
    stack.up()
    assert live(stack) == ["900"]
    assert stack.unchanged()

    set_env(stack)
    refreshed = stack.pulumi("refresh", "--yes", "--skip-preview")
    assert refreshed.returncode == 0, refreshed.stdout
    without = nobody_answers(stack, tmp_path)
    silent = stack.pulumi("preview", "--expect-no-changes", **without)
    assert silent.returncode == 0, "a cluster that is not asked shows no difference"
    assert "Not checked in the cluster: room on the card, the CSI driver" in silent.stdout
    assert "immich TTL is" not in silent.stdout
    assert list(stack.steps()) == ["immich-patch"]
    stack.up()
    assert live(stack) == ["900"]


def nobody_answers(stack: Stack, directory: Path) -> dict[str, str]:
    """The environment of a machine whose kubectl reaches nothing."""
    program = directory / "kubectl"
    program.write_text("#!/bin/sh\necho 'Unable to connect to the server: EOF' >&2\nexit 1\n")
    program.chmod(0o755)
    return {"PATH": os.pathsep.join([str(directory), stack.cli.environment()["PATH"]])}


def test_what_cannot_be_set_is_refused_before_anything_changes_and_its_advice_is_enough(stack: Stack) -> None:
    stack.up()
    source = {"configMapKeyRef": {"name": "immich", "key": "ttl"}}
    env = [{"name": IMMICH_TTL, "value": None, "valueFrom": source}]
    container = {"name": IMMICH, "env": env}
    patch = json.dumps({"spec": {"template": {"spec": {"containers": [container]}}}})
    kubectl(INSTANCE, "patch", *where(stack), f"--patch={patch}")
    stack.raw["models"]["gemma-3-270m-q4"]["context"] = 2048

    refused = stack.pulumi("up", "--yes", "--skip-preview")
    assert refused.returncode != 0
    assert "Traceback" not in refused.stdout + refused.stderr
    advice = refused.stdout.partition("Next: `kubectl ")[2].partition("`")[0]
    assert advice.startswith(f"set env -n {stack.namespace}-immich deployment/{IMMICH} -c {IMMICH} "), refused.stdout
    kubectl(INSTANCE, *advice.split())
    stack.up()
    assert live(stack) == ["600"]
    assert stack.unchanged()

    kubectl(INSTANCE, "delete", *where(stack))
    gone = stack.pulumi("preview")
    assert gone.returncode != 0
    assert "local-llm:stack.immich.deployment: got 'immich-machine-learning'. There is no such" in gone.stdout
    del stack.raw["immich"]
    stack.up()
    assert stack.unchanged()


def test_c14_immich_as_a_stateful_set_is_set_and_mended(stack: Stack) -> None:
    wanted = immich(f"{stack.namespace}-immich")
    wanted |= {"kind": "StatefulSet", "metadata": {**wanted["metadata"], "name": "immich-ml"}}
    wanted["spec"]["serviceName"] = "immich-ml"
    apply(INSTANCE, wanted, manager=OWNER)
    stack.raw["immich"]["deployment"] = "immich-ml"
    stack.raw["immich"]["container"] = IMMICH
    refused = stack.pulumi("preview")
    assert "It is a StatefulSet: write `kind: StatefulSet`." in refused.stdout

    stack.raw["immich"]["kind"] = "StatefulSet"
    stack.up()

    def value() -> str:
        spec = stack.get("statefulset", "immich-ml", f"{stack.namespace}-immich")["spec"]["template"]["spec"]
        return spec["containers"][0]["env"][-1]["value"]

    assert value() == "600"
    assert stack.unchanged()
    assert stack.unchanged("--refresh")
    kubectl(INSTANCE, "set", "env", "statefulset/immich-ml", "-n", f"{stack.namespace}-immich", f"{IMMICH_TTL}=0")
    assert "immich TTL is 0 since 20" in stack.up()
    assert value() == "600"
    assert stack.unchanged()
