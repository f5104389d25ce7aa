"""The stack file Pulumi reads: the committed one, completed with facts of the machine at hand.

Facts never enter a committed file, and what a person wrote there wins over them. Rendered beside the instance's state,
because Pulumi keeps its encryption salt in this file and a fresh clone must find it again.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from dev.machine.instance import Instance
from dev.machine.steps import DevError
from plan import config

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Facts:
    """What differs from machine to machine; None where the committed file must say it."""

    cluster_id: str
    image: str | None = None
    models_dir: Path | None = None
    node: str | None = None
    hub: str | None = None
    gpu_node: dict[str, Any] | None = None  # how a pod finds the card: selector, tolerations
    played: bool = False  # a cluster of this machine's own: which one the committed file means does not matter


def committed(stack: str) -> dict[str, Any]:
    """The committed file's content; raises DevError when there is no such stack or it is no stack file."""
    path = ROOT / f"Pulumi.{stack}.yaml"
    if not path.exists():
        have = sorted(p.name.split(".")[1] for p in ROOT.glob("Pulumi.*.yaml"))
        raise DevError(f"there is no stack {stack!r}", f"one of: {', '.join(have)}")
    try:
        content = yaml.safe_load(path.read_text())
        if isinstance(content["config"][config.KEY], dict):
            return content
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise DevError(f"{path.name} is not a stack file: {type(error).__name__}: {error}", f"correct {path}") from None
    raise DevError(f"{path.name}: config.{config.KEY} is not a mapping", f"correct {path}")


def complete(stack: str, facts: Facts) -> dict[str, Any]:
    """The committed file with the facts it leaves out."""
    content = committed(stack)
    value: dict[str, Any] = content["config"][config.KEY]
    if facts.played:
        value.pop("cluster", None)
    value.setdefault("cluster", {"id": facts.cluster_id})
    if facts.image:
        for section in ("server", "fetch"):
            _section(value, section).setdefault("image", facts.image)
    if facts.hub:
        _section(value, "fetch").setdefault("endpoint", facts.hub)
    node = _section(_section(value, "gpu"), "node") if facts.gpu_node else {}
    for key, found in (facts.gpu_node or {}).items():
        node.setdefault(key, found)
    volume = _section(value, "volume")
    if facts.models_dir and not volume.keys() & {"nfs", "local", "existing_claim"}:
        volume["local"] = {"path": str(facts.models_dir), "node": facts.node}
    return content


def render(instance: Instance, stack: str, facts: Facts) -> Path:
    """Write the completed file and return its path; the encryption salt of an earlier run stays.

    Raises DevError when `facts` are of another cluster than the one the file names, or else the first one rendered.
    """
    content = complete(stack, facts)
    path = rendered(instance, stack)
    expected = content["config"][config.KEY]["cluster"]["id"]
    if path.exists():
        earlier = yaml.safe_load(path.read_text())
        content.update({key: earlier[key] for key in earlier.keys() & {"encryptionsalt"}})
        if facts.played or "cluster" not in committed(stack)["config"][config.KEY]:
            expected = earlier["config"][config.KEY]["cluster"]["id"]
    if expected != facts.cluster_id:
        raise DevError(
            f"the stack {stack} belongs to the cluster {expected}, but the kubeconfig leads to {facts.cluster_id}",
            f"switch KUBECONFIG or its context; if that cluster is gone for ever, remove {path.parent}",
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_suffix(".tmp")
    scratch.write_text(yaml.safe_dump(content, sort_keys=False))
    scratch.rename(path)
    return path


def _section(value: dict[str, Any], name: str) -> dict[str, Any]:
    """The mapping below `name`; what a person wrote instead of one is left for the rules to refuse."""
    found = value.setdefault(name, {})
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def rendered(instance: Instance, stack: str) -> Path:
    return instance.state / f"Pulumi.{stack}.yaml"
