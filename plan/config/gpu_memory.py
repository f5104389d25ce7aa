"""The part of a stack's configuration by which Kubernetes itself counts GPU memory: an extended resource in MiB."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from plan.base.frozen import Frozen, example, wrong
from plan.config.numbers import Mib
from plan.kubernetes.resources import ExtendedResource


class Memory(Frozen, json_schema_extra=example(resource="example.com/gpumem", budget_mib=14000)):
    """The extended resource by which pods declare GPU memory, MiB; a node with the card offers `budget_mib` of it.

    `managed` puts it on the nodes with the card and keeps it there; with `external` someone else does.
    """

    resource: Annotated[ExtendedResource, Field(description="Name of the extended resource, with a domain of yours")]
    budget_mib: Annotated[Mib, Field(description="MiB that a node with the card offers")]
    advertise: Annotated[
        Literal["managed", "external"],
        Field(description="managed: a pod of ours puts it on the nodes; external: someone else does"),
    ] = "external"
    request_mib: Annotated[
        Mib | None, Field(description="What the server requests; defaults to what its models need")
    ] = None

    @model_validator(mode="after")
    def _within_budget(self) -> Self:
        if self.request_mib is not None and self.request_mib > self.budget_mib:
            rule = f"request_mib {self.request_mib} is more than budget_mib {self.budget_mib}"
            raise wrong(rule, self.request_mib, "request_mib")
        return self
