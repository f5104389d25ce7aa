"""Names of extended resources, which pods request by whole units."""

from typing import Annotated

from plan.base.text_rule import TextRule
from plan.kubernetes.names import DOMAIN, LABEL_MAX

_WORDS = "an extended resource is a domain of yours, a slash and a name, like example.com/gpumem"
_QUOTA = "requests."  # what a quota puts before the name, which has to be a label's key with it


def _not_theirs(name: str) -> None:
    # kubernetes v1.36, pkg/apis/core/v1/helper, IsNativeResource and IsExtendedResourceName.
    domain = name.partition("/")[0]
    if domain.endswith("kubernetes.io") or domain.startswith(_QUOTA):
        raise ValueError(f"{_WORDS}; kubernetes.io and what begins with {_QUOTA} are Kubernetes' own")
    if len(domain) > 253 - len(_QUOTA):
        raise ValueError(f"the domain of an extended resource has {253 - len(_QUOTA)} characters at most")


# memory, cpu, ephemeral-storage, hugepages-2Mi and pods have no domain: they are Kubernetes' own as well.
EXTENDED_RESOURCE = TextRule(
    rf"{DOMAIN}/[A-Za-z0-9]([\w.-]{{0,61}}[A-Za-z0-9])?", _WORDS, 253 + 1 + LABEL_MAX, _not_theirs
)
ExtendedResource = Annotated[str, EXTENDED_RESOURCE]
