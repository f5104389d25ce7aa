"""The stack file Pulumi reads: the committed one, completed with facts of the machine at hand.

Facts never enter a committed file, and what a person wrote there wins over them. The completed file lies beside the
instance's state, because Pulumi keeps its encryption salt in it and a fresh clone must find that again.
"""

from pathlib import Path
from typing import Any, cast

import yaml

from dev.machine.instance import Instance
from dev.machine.steps import DevError
from plan import config
from plan.config import stack_file
from plan.config.stack_file import Facts
from plan.text.errors import Source, TextError
from plan.text.yaml_reader import read_yaml

ROOT = Path(__file__).resolve().parents[2]
_SECRETS = {"secretsprovider", "encryptedkey", "encryptionsalt"}  # what Pulumi notes in a stack file about its secrets


def document(stack: str) -> dict[str, Any]:
    """The whole committed file; raises StackFileError when there is none or it is no stack file."""
    path = ROOT / stack_file.file_name(stack)
    try:
        return stack_file.read(path.read_bytes(), path)
    except FileNotFoundError:
        raise stack_file.missing(path, ROOT.glob(stack_file.FILES)) from None


def committed(stack: str) -> dict[str, Any]:
    """What the committed file says of the stack; raises StackFileError."""
    return document(stack)["config"][config.KEY]


def complete(stack: str, facts: Facts) -> dict[str, Any]:
    """`committed`, with the facts it leaves out."""
    return stack_file.complete(committed(stack), facts)


def render(instance: Instance, stack: str, facts: Facts) -> Path:
    """Write the completed file and return its path; the encryption salt of an earlier run stays.

    Raises DevError when `facts` are of another cluster than the one the file names, or else the first one rendered.
    """
    content = document(stack)
    names_cluster = "cluster" in content["config"][config.KEY] and not facts.any_cluster
    value = stack_file.complete(content["config"][config.KEY], facts)
    content["config"][config.KEY] = value
    expected, path = value["cluster"]["id"], rendered(instance, stack)
    if path.exists():
        earlier = _earlier(path)
        if not _SECRETS & content.keys():
            content.update({key: earlier[key] for key in earlier.keys() & _SECRETS})
        if not names_cluster:
            expected = _cluster_id(earlier) or expected
    if expected != facts.cluster_id:
        raise DevError(
            f"the stack {stack} belongs to the cluster {expected}, but the kubeconfig leads to {facts.cluster_id}",
            _way_out(stack, facts),
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_suffix(".tmp")
    scratch.write_text(yaml.safe_dump(content, sort_keys=False))
    scratch.rename(path)
    return path


def _earlier(path: Path) -> dict[str, Any]:
    """The file as it was rendered before, or as a `pulumi` that found none has begun it: with its salt alone."""
    try:
        content: Any = read_yaml(path.read_bytes(), Source(str(path), "remove it: it is made again"))
    except TextError as error:
        raise DevError(error.what, error.fix) from None
    return cast("dict[str, Any]", content) if isinstance(content, dict) else {}


def _cluster_id(content: Any) -> str:
    """The cluster that a rendered file names, "" where there is none in it."""
    for key in ("config", config.KEY, "cluster", "id"):
        content = cast("dict[str, Any]", content).get(key) if isinstance(content, dict) else None
    return content or ""


def _way_out(stack: str, facts: Facts) -> str:
    if facts.any_cluster:
        return "`make clean CLUSTER=engine` forgets the played cluster and what was tried on it; then run this again"
    here = f"write `cluster: {{id: {facts.cluster_id}}}` into {stack_file.file_name(stack)}"
    return f"switch KUBECONFIG or its context; if this is the stack's cluster from now on, {here}"


def secrets_provider(instance: Instance, stack: str) -> str:
    """What the stack file names to lock secrets with; nothing for a passphrase. Raises StackFileError or DevError."""
    path = rendered(instance, stack)
    content = _earlier(path) if path.exists() else document(stack)
    return str(content.get("secretsprovider") or "")


def rendered(instance: Instance, stack: str) -> Path:
    """Where the completed file lies."""
    return instance.state / stack_file.file_name(stack)
