"""Previews made by hand: what Pulumi would say of a change that no prepared preview has."""

import copy
import json
from typing import Any

from plan.verdict import preview
from plan.verdict.preview import Preview
from plan.verdict.report import report
from plan.verdict.verdict import Verdict, judge
from tests.plan.verdict.pages import PREVIEWS
from tests.plan.verdict.prepared import changed

TYPES = {
    "PersistentVolume": "kubernetes:core/v1:PersistentVolume",
    "PersistentVolumeClaim": "kubernetes:core/v1:PersistentVolumeClaim",
    "Secret": "kubernetes:core/v1:Secret",
    "Deployment": "kubernetes:apps/v1:Deployment",
    "DeploymentPatch": "kubernetes:apps/v1:DeploymentPatch",
    "Service": "kubernetes:core/v1:Service",
    "Namespace": "kubernetes:core/v1:Namespace",
    "Job": "kubernetes:batch/v1:Job",
    "Stash": "pulumi:index:Stash",
}


def step(op: str, type_: str, name: str, old: Any = None, new: Any = None, **state: Any) -> dict[str, Any]:
    """`old` and `new` are inputs beside the metadata, None where there is no such state; `state` is of the old one."""
    token = TYPES.get(type_, type_)
    metadata = {"metadata": {"namespace": "llama-cpp", "name": name}}
    made = {"op": op, "urn": f"urn:pulumi:prod::local-llm::llm:cluster:ClusterGuard${token}::{name}-resource"}
    if old is not None:
        made["oldState"] = {"inputs": {**metadata, **old}, **state}
    if new is not None:
        made["newState"] = {"inputs": {**metadata, **new}, "protect": state.get("protect", False)}
    return made


def of(*steps: dict[str, Any], errors: tuple[tuple[str, str], ...] = ()) -> Preview:
    """What Pulumi would print; `errors` are URN and message."""
    said = [{"urn": urn, "message": f"error: {text}\n", "severity": "error"} for urn, text in errors]
    return preview.parse(json.dumps({"steps": steps, "diagnostics": said}))


def judged(*steps: dict[str, Any], errors: tuple[tuple[str, str], ...] = ()) -> Verdict:
    return judge(of(*steps, errors=errors), changed("nothing").plan())


def said(verdict: Verdict) -> str:
    """The report as one line, so that nothing depends on where a line ends."""
    return " ".join(" ".join(report(verdict)).split())


def raw(name: str) -> dict[str, Any]:
    """A kept preview, to edit."""
    return copy.deepcopy(json.loads((PREVIEWS / f"{name}.json").read_text()))


def find(digest: dict[str, Any], resource: str) -> dict[str, Any]:
    (found,) = [it for it in digest["steps"] if it["urn"].endswith(f"::{resource}")]
    return found
