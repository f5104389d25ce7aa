"""What happens to one resource, in the terms of Kubernetes: which object, and whether it is made, changed or lost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from plan.verdict.preview import Preview, Step

How = Literal["create", "update", "replace", "delete", "unprotect", "other"]
STACK = "pulumi:pulumi:Stack"
STASH = "pulumi:index:Stash"
_KUBERNETES = "kubernetes:"
# Pulumi's words for steps (pulumi 3.259, pkg/resource/deploy/step.go). Any other is told of by its own word.
_HOW: dict[str, How] = {
    "create": "create",
    "update": "update",
    "delete": "delete",
    **dict.fromkeys(("replace", "create-replacement", "delete-replaced"), "replace"),
}
# They change nothing but what Pulumi has read or notes down.
_SILENT = {"same", "read", "refresh", "discard", "discard-replaced", "read-replacement", "remove-pending-replace"}


@dataclass(frozen=True, slots=True)
class Change:
    """One resource that does not stay as it is. `old` and `new` are its inputs, empty where there are none.

    `kind`, `namespace` and `name` are the object's; where Pulumi makes a name up, `name` is the resource's, as where
    there is no object. `op` is Pulumi's word. `drift` are the paths that Pulumi found to differ, also where only the
    cluster does.
    """

    how: How
    op: str
    urn: str
    type: str
    resource: str
    kind: str
    namespace: str
    name: str
    old: Mapping[str, Any]
    new: Mapping[str, Any]
    drift: Sequence[str]
    protected: bool
    retained: bool
    failed: bool

    @property
    def object(self) -> str:
        """As a person names it: Deployment llama-cpp/llama-swap."""
        return f"{self.kind} {f'{self.namespace}/' if self.namespace else ''}{self.name}"

    @property
    def is_object(self) -> bool:
        return self.type.startswith(_KUBERNETES)

    @property
    def is_foreign(self) -> bool:
        """Whether it is a part of an object that someone else owns."""
        return self.is_object and self.type.endswith("Patch")

    @property
    def is_known(self) -> bool:
        """Whether there is a word for what happens to it; groups of resources are not objects themselves."""
        ours = self.type in (STACK, STASH) or self.type.startswith((_KUBERNETES, "pulumi:providers:", "llm:"))
        return ours and self.how != "other"

    @property
    def is_lost(self) -> bool:
        """Whether what is there now will not be there any more."""
        return self.how in ("delete", "replace") and not self.retained

    @property
    def is_refused(self) -> bool:
        return self.how in ("delete", "replace") and self.protected


def changes(preview: Preview) -> tuple[Change, ...]:
    """One for each resource, in Pulumi's order; several steps of one replacement are one change."""
    found: dict[str, Change] = {}
    for step in preview.steps:
        if (how := _how(step)) and (step.urn not in found or how != "delete"):
            found[step.urn] = _change(step, how)
    return tuple(found.values())


def _how(step: Step) -> How | None:
    if step.op in _SILENT:
        return "unprotect" if step.op == "same" and step.old.protect and not step.new.protect else None
    return _HOW.get(step.op, "other")


def _change(step: Step, how: How) -> Change:
    old, new = step.old.inputs, step.new.inputs
    metadata = _metadata(new) or _metadata(old)
    kind = step.type.rpartition(":")[2] or "resource"
    return Change(
        how=how,
        op=step.op,
        urn=step.urn,
        type=step.type,
        resource=step.resource,
        kind=kind.removesuffix("Patch") if step.type.startswith(_KUBERNETES) else kind,
        namespace=str(metadata.get("namespace") or ""),
        name=step.resource if _is_made_up(metadata) else str(metadata.get("name") or step.resource),
        old=old,
        new=new,
        drift=tuple(step.detailed_diff or ()),
        protected=step.old.protect,
        retained=step.old.retain_on_delete,
        failed=bool(step.old.init_errors),
    )


def _metadata(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    found: object = inputs.get("metadata")
    return cast("Mapping[str, Any]", found) if isinstance(found, Mapping) else {}


def _is_made_up(metadata: Mapping[str, Any]) -> bool:
    """Whether the name ends in digits that another run would not choose again."""
    annotations: object = metadata.get("annotations")
    return isinstance(annotations, Mapping) and "pulumi.com/autonamed" in annotations
