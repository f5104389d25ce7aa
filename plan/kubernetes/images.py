"""References to container images, as every container runtime reads them (distribution/reference v0.6, regexp.go).

The API server takes any text; a pod whose image is none stays in InvalidImageName.
"""

import re
from typing import Annotated

from pydantic import AfterValidator

_HOST_PART = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_HOST = rf"(?:{_HOST_PART}(?:\.{_HOST_PART})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_REFERENCE = re.compile(rf"((?:{_HOST}/)?{_PART}(?:/{_PART})*)(?::\w[\w.-]{{0,127}})?@sha256:[0-9a-f]{{64}}", re.ASCII)
_NAME_MAX = 255  # of a name without tag and digest
_LONGEST = _NAME_MAX + 1 + 128 + len("@sha256:") + 64
_FORM = "registry/name:tag@sha256:<64 hex>"


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
    if len(found[1]) > _NAME_MAX:
        raise ValueError(f"an image's name has {_NAME_MAX} characters at most before its tag and digest")
    return text


Image = Annotated[str, AfterValidator(pinned_image)]
