"""Addresses that a stack file names: of a hub, a proxy and what is reached without one."""

import ipaddress
import re
from typing import Annotated

from pydantic import AfterValidator

from plan.base.text_rule import TextRule

_LABEL = r"[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?"
_NAME = rf"{_LABEL}(\.{_LABEL})*\.?"
_IP = r"[0-9A-Fa-f:.]+"
_PORT = r":[0-9]{1,5}"
_HOST = rf"({_NAME}|\[{_IP}\])"
_SEGMENTS = r"(/([A-Za-z0-9._~+=,:-]|%[0-9A-Fa-f]{2})+)*"
# What never leaves a machine or a cluster: a Service is addressed by its name alone, or with its namespace and these.
_INSIDE = re.compile(r"localhost|[^.]+|.*\.svc|.*\.svc\.cluster\.local", re.IGNORECASE)


def is_inside(url: str) -> bool:
    """Is it a host of this cluster, or a private IP address?"""
    host, _ = _parts(_place(url))
    try:
        return not _address(host).is_global
    except ValueError:
        return bool(_INSIDE.fullmatch(host.rstrip(".")))


def _place(url: str) -> str:
    return re.split("[/?#]", url.partition("://")[2])[0].rpartition("@")[2]


def _parts(place: str) -> tuple[str, str | None]:
    """Host and port of `host`, `host:port`, `[address]` and `[address]:port`."""
    host, colon, port = place.rpartition(":")
    return (host, port) if colon and not place.endswith("]") else (place, None)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        raise ValueError(f"{host} looks like an IP address, and is none") from None


def _require_place(place: str) -> None:
    """What a pattern leaves open: a port that exists, and an address where it looks like one."""
    host, port = _parts(place)
    if port is not None and not 1 <= int(port) <= 65535:
        raise ValueError(f"a port is a number from 1 to 65535, not {port}")
    if host.startswith("[") or not re.search(r"[^0-9.]", host):
        _address(host)


def _require_url(url: str) -> None:
    _require_place(_place(url))
    if {".", ".."} & set(url.split("/")):
        raise ValueError("an address has no '.' and no '..' between its slashes")


def _require_destination(entry: str) -> None:
    if "/" in entry:
        try:
            ipaddress.ip_network(entry, strict=False)  # host bits may be set, as Go's net.ParseCIDR has it
        except ValueError:
            raise ValueError("a network is an address, '/' and the length of its prefix, as in 10.0.0.0/8") from None
    elif entry.count(":") > 1 and not entry.startswith("["):
        _address(entry)
    elif entry != "*":
        _require_place(entry.lstrip("*."))


Endpoint = Annotated[
    str,
    TextRule(
        rf"https?://{_HOST}({_PORT})?{_SEGMENTS}/?",
        "a hub's address is http:// or https://, a host, perhaps a port and a path; no user, password, '?' or '#'",
        also=_require_url,
    ),
    AfterValidator(lambda url: url.rstrip("/")),
]
ProxyUrl = Annotated[
    str,
    TextRule(
        rf"http://{_HOST}{_PORT}",
        "a proxy is http://HOST:PORT, whatever goes through it; its user and password belong into fetch.proxy_secret",
        also=_require_url,
    ),
]
Destination = Annotated[
    str,
    TextRule(
        rf"(\*|(\*?\.)?{_NAME}({_PORT})?|\[{_IP}\]({_PORT})?|{_IP}(/[0-9]{{1,3}})?)",
        "an entry is one host name, which stands for all below it too, one IP address, one network as in 10.0.0.0/8, "
        "or '*' for everything; a name or an address may have a port",
        also=_require_destination,
    ),
]
