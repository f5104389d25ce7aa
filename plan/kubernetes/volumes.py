"""Where a volume's files come from: hosts, paths and mount options."""

import ipaddress
import re
from typing import Annotated

from pydantic import AfterValidator

from plan.base.text_rule import TextRule

# RFC 1123, and '_', which names in a local network have; the resolver takes it.
_HOST_NAME = re.compile(
    r"[A-Za-z0-9_]([\w-]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([\w-]{0,61}[A-Za-z0-9_])?)*\.?", re.ASCII
)
_HOST_MAX = 253


def host(text: str) -> str:
    """Return `text` if it is a host's name or address, without brackets, port or zone; else raises ValueError."""
    numbers = ":" in text or re.fullmatch(r"[\d.]+", text)
    if numbers and "%" not in text:
        try:
            ipaddress.ip_address(text)
        except ValueError:
            raise ValueError("this is no IPv4 or IPv6 address; a host has no scheme, port, path or brackets") from None
        return text
    if len(text) > _HOST_MAX or not _HOST_NAME.fullmatch(text):
        raise ValueError(
            "a host is an address like 192.168.1.20 or fd00::20, or a name of letters, digits, '-' and dots, "
            "without scheme, port or path"
        )
    return text


def _no_steps_back(path: str) -> None:
    # kubernetes v1.36, pkg/apis/core/validation, validatePathNoBacksteps, of a local path.
    if ".." in path.split("/"):
        raise ValueError("a path has no '..' in it")


# 4 KiB are what a CSI driver has to take of all attributes of a volume (CSI 1.12, "Size Limits").
ABSOLUTE_PATH = TextRule(
    r"/[^\s\x00-\x1f\x7f]*", "a path begins with a slash, and has no space or control character", 1024, _no_steps_back
)
Host = Annotated[str, AfterValidator(host)]
AbsolutePath = Annotated[str, ABSOLUTE_PATH]
