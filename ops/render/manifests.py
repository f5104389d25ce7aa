"""Turns registered resources into files of plain manifests; equal registrations give equal bytes.

The files are applied in stages, which follow from the program's dependencies: what needs a finished Job comes one stage
after the Job.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ops.base.errors import OpsError
from ops.render.plain_yaml import dump
from ops.render.recorder import SECRET_SIGNATURE, Registration

MARK = "Rendered by `bin/local-llm render"
MARKS = (MARK, "Rendered by `python -m ops render")  # the second by an older release
PATCHES = "patches"
# The order within a stage. Other kinds are rules and rights, which come before the pods that need them.
_ORDER = {
    "PersistentVolume": 10,
    "PersistentVolumeClaim": 20,
    "ServiceAccount": 30,
    "ConfigMap": 40,
    "Job": 60,
    "Deployment": 70,
    "Service": 80,
}
_RULES = 50


@dataclass(frozen=True, slots=True)
class Manifest:
    """One Kubernetes object. `group` is its directory; `annotations` are the ones for Pulumi, not in `body`."""

    group: str
    file: str
    body: Mapping[str, Any]
    annotations: Mapping[str, str]

    @property
    def path(self) -> str:
        return f"{self.group}/{self.file}"

    @property
    def kind(self) -> str:
        return self.body["kind"]

    @property
    def name(self) -> str:
        return self.body["metadata"]["name"]

    @property
    def namespace(self) -> str | None:
        """None for an object of the whole cluster."""
        return self.body["metadata"].get("namespace")

    def text(self, stack: str) -> str:
        part = "# One part of an object that someone else owns: README.md has the command for it.\n"
        return f"# {mark(stack)}\n{part if self.group == PATCHES else ''}{dump(self.body)}"


@dataclass(frozen=True, slots=True)
class SecretToMake:
    """A Secret. It is not written: no file may hold its value, and without the value it would wipe a live one."""

    namespace: str
    name: str
    keys: tuple[str, ...]


def mark(stack: str) -> str:
    """The first line of every file; a later run replaces only files that have it."""
    return f"{MARK} --stack {stack}`: change Pulumi.{stack}.yaml, not this file."


def suffix(inputs: Mapping[str, Any]) -> str:
    """The end of an unnamed object's name. It changes with the content, and so does whatever mounts the object."""
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:7]


def manifests(registered: Sequence[Registration]) -> list[Manifest]:
    """Every object except Secrets, in the order of apply. Raises OpsError when one has a secret in it."""
    stages = _stages(registered)
    made: dict[str, Manifest] = {}
    for registration in sorted(_objects(registered), key=lambda r: r.urn):
        if registration.kind == "Secret":
            continue
        manifest = _manifest(registration, stages[registration.urn])
        if manifest.path in made:
            raise OpsError(f"two objects would be {manifest.path}", "give one of them another name (components/)")
        made[manifest.path] = manifest
    return sorted(made.values(), key=lambda m: (m.group != PATCHES, m.path))


def secrets(registered: Iterable[Registration]) -> list[SecretToMake]:
    """The Secrets that a person has to make, because pods refer to them."""
    found = [r for r in _objects(registered) if r.kind == "Secret"]
    return sorted((_secret(r) for r in found), key=lambda s: (s.namespace, s.name))


def _objects(registered: Iterable[Registration]) -> list[Registration]:
    return [r for r in registered if r.type.startswith("kubernetes:")]


def _stages(registered: Sequence[Registration]) -> dict[str, int]:
    """The stage of each URN, from 1 on."""
    needs = {r.urn: list[str](r.options.dependencies) for r in registered}
    jobs = {r.urn for r in registered if r.kind == "Job"}
    stages: dict[str, int] = {}

    def stage(urn: str) -> int:
        if urn not in stages:
            # A namespace is only read, never registered, so it needs nothing.
            stages[urn] = max((stage(need) + (need in jobs) for need in needs.get(urn, [])), default=1)
        return stages[urn]

    return {urn: stage(urn) for urn in needs}


def _manifest(registration: Registration, stage: int) -> Manifest:
    inputs, outputs = registration.inputs, registration.outputs
    kind, name = inputs["kind"], outputs["metadata"]["name"]
    if SECRET_SIGNATURE in json.dumps(inputs):
        raise OpsError(f"{kind} {name} has a secret in it", "give it by a Secret and a secretKeyRef (components/)")
    # An unnamed object's file keeps its name when the content changes, so that a diff of two directories shows it.
    called = inputs["metadata"].get("name", registration.name)
    is_patch = registration.kind.endswith("Patch")
    group = PATCHES if is_patch else f"stage-{stage}"
    order = "" if is_patch else f"{_ORDER.get(kind, _RULES)}-"
    annotations = inputs["metadata"].get("annotations", {})
    ours = {key: value for key, value in annotations.items() if not key.startswith("pulumi.com/")}
    metadata = {**inputs["metadata"], "name": name, "annotations": ours}
    if not ours:
        del metadata["annotations"]
    body = {**inputs, "metadata": metadata}
    return Manifest(group, f"{order}{kind.lower()}-{called}.yaml", body, annotations)


def _secret(registration: Registration) -> SecretToMake:
    metadata, keys = registration.outputs["metadata"], set[str]()
    for field in ("data", "stringData"):
        value = registration.inputs.get(field, {})
        keys |= set(value["value"] if SECRET_SIGNATURE in value else value)
    return SecretToMake(metadata["namespace"], metadata["name"], tuple(sorted(keys)))
