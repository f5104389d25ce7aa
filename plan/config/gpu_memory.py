"""The part of a stack's configuration by which Kubernetes itself counts GPU memory: an extended resource in MiB."""

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from plan.base.frozen import Frozen

_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_NAME = r"[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?"


def _extended_resource(name: str) -> str:
    # Kubernetes' own rule: pkg/apis/core/v1/helper, IsExtendedResourceName. A quota puts "requests." before the name.
    domain, _, last = name.partition("/")
    theirs = domain == "kubernetes.io" or domain.endswith(".kubernetes.io") or domain.startswith("requests.")
    if theirs or len(domain) > 244 or not (re.fullmatch(_DOMAIN, domain) and re.fullmatch(_NAME, last, re.ASCII)):
        raise ValueError("an extended resource is a domain of yours, a slash and a name, like example.com/gpumem")
    return name


class Memory(Frozen):
    """The extended resource by which pods declare GPU memory, MiB; a node with the card offers `budget_mib` of it.

    `managed` puts it on the nodes with the card and keeps it there; with `external` someone else does.
    """

    resource: Annotated[
        str,
        AfterValidator(_extended_resource),
        Field(description="Name of the extended resource, with a domain of yours"),
    ]
    budget_mib: Annotated[int, Field(gt=0, le=2**30, description="MiB that a node with the card offers")]
    advertise: Annotated[
        Literal["managed", "external"],
        Field(description="managed: a pod of ours puts it on the nodes; external: someone else does"),
    ] = "external"
    request_mib: Annotated[
        int | None, Field(gt=0, description="What the server requests; defaults to what its models need")
    ] = None

    @model_validator(mode="after")
    def _within_budget(self) -> Self:
        if self.request_mib is not None and self.request_mib > self.budget_mib:
            raise ValueError(f"request_mib {self.request_mib} is more than budget_mib {self.budget_mib}")
        return self
