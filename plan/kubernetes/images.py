"""References to container images, as every container runtime reads them (distribution/reference v0.6, regexp.go).

The API server takes any text; a pod whose image is none stays in InvalidImageName.
"""

import re
from typing import Annotated, NamedTuple

from pydantic import AfterValidator

from plan.kubernetes.volumes import host

_HOST_PART = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_HOST = rf"(?:{_HOST_PART}(?:\.{_HOST_PART})*|\[[a-fA-F0-9:]+\])(?::[0-9]{{1,5}})?"
_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_REFERENCE = re.compile(
    rf"((?:{_HOST}/)?{_PART}(?:/{_PART})*)(?::(\w[\w.-]{{0,127}}))?@sha256:[0-9a-f]{{64}}", re.ASCII
)
_HUB, _OLD_HUB = "docker.io", "index.docker.io"
_NAME_MAX = 255  # of a whole name without tag and digest
_PORT_MAX = 65535
_LONGEST = _NAME_MAX + 1 + 128 + len("@sha256:") + 64
_FORM = "registry/name:tag@sha256:<64 hex>"


class Reference(NamedTuple):
    """An image as runtimes look for it: `python:3.13@...` is library/python of docker.io."""

    registry: str
    repository: str
    tag: str

    @property
    def name(self) -> str:
        return f"{self.registry}/{self.repository}"


def reference(text: str) -> Reference:
    """The parts of an image that `pinned_image` takes (distribution/reference v0.6, normalize.go)."""
    whole = text.partition("@")[0]
    before, colon, after = whole.rpartition(":")
    name, tag = (before, after) if colon and "/" not in after else (whole, "")
    first, slash, path = name.partition("/")
    registry, repository = (first, path) if slash and _is_registry(first) else (_HUB, name)
    if registry in (_HUB, _OLD_HUB):
        registry, repository = _HUB, repository if "/" in repository else f"library/{repository}"
    return Reference(registry, repository, tag)


def _is_registry(first: str) -> bool:
    return first == "localhost" or any(sign in ".:" or sign.isupper() for sign in first)


def _require_registry(registry: str) -> None:
    """What the grammar leaves open: a port that exists, and an address where it looks like one."""
    name, colon, port = registry.rpartition(":")
    if not colon or registry.endswith("]"):
        name, port = registry, ""
    if colon and port and not 1 <= int(port) <= _PORT_MAX:
        raise ValueError(f"the port of an image's registry is a number from 1 to {_PORT_MAX}, not {port}")
    try:
        host(name.strip("[]"))
    except ValueError as error:
        raise ValueError(f"the registry of an image cannot be reached by that name: {error}") from None


def pinned_image(text: str) -> str:
    """Return `text` if it names an image by its digest, which runtimes may but need not; else raises ValueError."""
    if "://" in text:
        raise ValueError(f"an image has no scheme: write {_FORM}")
    if "@" not in text:
        raise ValueError("an image is pinned by digest, because a moving tag changes what runs without a review")
    found = _REFERENCE.fullmatch(text) if len(text) <= _LONGEST else None
    if not found:
        raise ValueError(
            f"an image is {_FORM}: after the registry in lower case, parts of letters and digits with single '.' or "
            "'_' or any '-' inside, and a digest of 64 characters 0-9 and a-f"
        )
    named = reference(text)
    if len(named.name) > _NAME_MAX:
        rule = f"an image's name has {_NAME_MAX} characters at most before its tag and digest"
        raise ValueError(f"{rule}, with docker.io/library/ where that is left out")
    _require_registry(named.registry)
    return text


Image = Annotated[str, AfterValidator(pinned_image)]
