"""What Pulumi keeps of an object: the live object, the inputs that made it, and who owns the fields."""

import copy
from dataclasses import dataclass
from typing import Any

from dev.plugin.api.metadata import PATCH_FIELD_MANAGER, Object, annotation, unique_name
from dev.plugin.diff.properties import Secret, mark_secrets, plain


@dataclass(frozen=True, slots=True)
class State:
    """A checkpoint taken apart, secrets laid open."""

    inputs: Object
    live: Object
    initial_api_version: str
    field_manager: str  # "" where there was no state


def parse(checkpoint: dict[str, Any]) -> State:
    """Take a checkpoint apart; an empty one gives empty parts."""
    live = plain(checkpoint)
    inputs = live.pop("__inputs", {})
    version, manager = live.pop("__initialApiVersion", ""), live.pop("__fieldManager", "")
    return State(inputs, live, version or inputs.get("apiVersion", ""), manager)


def checkpoint(inputs: Object, live: Object, secret_like: dict[str, Any], version: str, manager: str) -> dict[str, Any]:
    """The outputs of a resource; secret is what is secret at the same place of `secret_like`, and Secrets' data."""
    outputs, kept = copy.deepcopy(live), copy.deepcopy(inputs)
    mark_secrets(outputs, secret_like)
    mark_secrets(kept, secret_like)
    if isinstance(secret_like.get("stringData"), Secret) and "data" in outputs and live.get("kind") == "Secret":
        outputs["data"] = outputs["data"] if isinstance(outputs["data"], Secret) else Secret(outputs["data"])
    return {**outputs, "__inputs": kept, "__initialApiVersion": version, "__fieldManager": manager}


def field_manager(inputs: Object, known: str = "") -> str:
    """Who owns our fields: the name asked for by annotation, else the one in state, else a new one."""
    return annotation(inputs, PATCH_FIELD_MANAGER) or known or unique_name("pulumi-kubernetes-")
