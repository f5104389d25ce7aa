"""The text of a Pulumi.<stack>.yaml: read, and completed with what it leaves to the machine. Opens no file.

ops, dev and the tests read every stack file through this module, so that a rule about its text has one place.
"""

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, cast

from plan.base.errors import FixableError
from plan.config.stack import KEY
from plan.text.errors import Source, TextError
from plan.text.yaml_reader import read_yaml

FILES = "Pulumi.*.yaml"
NO_CLUSTER = "00000000-0000-4000-8000-000000000000"  # stands for the uid where no cluster is known
_HOMES = {"nfs", "local", "existing_claim"}  # where a volume can lie


class StackFileError(FixableError):
    """A stack file that is missing, or that is no stack file."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a stack file may leave out because it differs from machine to machine; None stays left out.

    With `any_cluster`, `cluster_id` counts even where the file names another cluster.
    """

    cluster_id: str
    image: str | None = None
    models_dir: PurePath | None = None
    node: str | None = None
    hub: str | None = None
    gpu_node: dict[str, Any] | None = None  # how a pod finds the card: selector, tolerations
    any_cluster: bool = False


def file_name(stack: str) -> str:
    """The file of a stack."""
    return f"Pulumi.{stack}.yaml"


def stack_names(files: Iterable[PurePath]) -> list[str]:
    """The stacks that these files are of."""
    return sorted(file.name.removeprefix("Pulumi.").removesuffix(".yaml") for file in files)


def missing(file: PurePath, beside: Iterable[PurePath]) -> StackFileError:
    """The error for a stack file that does not exist, with the stacks that have a file `beside` it."""
    there = stack_names(beside)
    fix = f"name one of: {', '.join(there)}" if there else "run this in the repository's root"
    return StackFileError(f"there is no {file}", fix)


def read(content: bytes | str, file: PurePath) -> dict[str, Any]:
    """The whole file, with a mapping at `config` and KEY; raises StackFileError, which calls it `file`."""
    try:
        document: Any = read_yaml(content, Source(str(file), "correct the file"))
    except TextError as error:
        raise StackFileError(error.what, error.fix) from None
    try:
        if isinstance(document["config"][KEY], dict):
            return document
    except (KeyError, TypeError):
        pass
    raise StackFileError(f"{file} has no mapping at config.{KEY}", "correct the file; README.md shows the form")


def configuration(content: bytes | str, file: PurePath) -> dict[str, Any]:
    """What the file says of the stack, as it is written; raises StackFileError."""
    return read(content, file)["config"][KEY]


def complete(written: dict[str, Any], facts: Facts) -> dict[str, Any]:
    """The configuration with the facts that it leaves out. What a person wrote wins; `parse` judges it later."""
    value = copy.deepcopy(written)
    if facts.any_cluster:
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
    if facts.models_dir and "volume" in value and not _HOMES & _section(value, "volume").keys():
        _section(value, "volume")["local"] = {"path": str(facts.models_dir), "node": facts.node}
    return value


def _section(value: dict[str, Any], name: str) -> dict[str, Any]:
    """The mapping at `name`, made where there is none; text in its place is left as it is."""
    found: object = value.setdefault(name, {})
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}
