"""Which proxy a request goes through: the manifest's, else the one that the pod's environment names.

What neither is asked for is written as in NO_PROXY and read as Go reads it (golang.org/x/net v0.60.0, http/httpproxy),
so that a list which serves the kubelet, the container runtime and kubectl serves here.
"""

import base64
import contextlib
import ipaddress
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

from pods.core.report import ExitError

CREDENTIALS = "FETCH_PROXY_CREDENTIALS"  # USER:PASSWORD, from a Secret


class Proxy(NamedTuple):
    """`place` is its host and port, for people; `authorization` a header's value, empty where it asks for none."""

    host: str
    port: int
    place: str
    authorization: str


class Proxies:
    """The proxies by the scheme of what is asked through them, and what is asked directly."""

    def __init__(self, proxy: str, no_proxy: Iterable[str] | None, environment: Mapping[str, str]) -> None:
        credentials = environment.get(CREDENTIALS, "").strip("\r\n")
        if proxy or no_proxy is not None:  # an image may have proxies of the network that it was built in
            texts, self._direct = {"http": proxy, "https": proxy}, tuple(no_proxy or ())
        else:
            texts = {scheme: _variable(environment, f"{scheme}_proxy") for scheme in ("http", "https")}
            self._direct = tuple(_variable(environment, "no_proxy").split(","))
        self._proxies = {scheme: _proxy(text, credentials) for scheme, text in texts.items() if text}

    def of(self, scheme: str, host: str, port: int) -> Proxy | None:
        """The proxy for this destination; None where it is reached directly."""
        proxy = self._proxies.get(scheme)
        return None if proxy is None or is_direct(host, port, self._direct) else proxy


def is_direct(host: str, port: int, entries: Iterable[str]) -> bool:
    """Does one of the entries of a NO_PROXY stand for this host? A loopback address never needs one."""
    host = host.lower().rstrip(".")
    address = _address(host)
    if host == "localhost" or (address and address.is_loopback):
        return True
    return any(_stands_for(entry.strip().lower(), host, port, address) for entry in entries)


_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _stands_for(entry: str, host: str, port: int, address: _Address | None) -> bool:
    if "/" in entry:
        with contextlib.suppress(ValueError):
            return address is not None and address in ipaddress.ip_network(entry, strict=False)
        return False
    name, colon, of_port = entry.rpartition(":")
    if not colon or entry.endswith("]") or (entry.count(":") > 1 and "]" not in entry):
        name, of_port = entry, ""
    if of_port not in ("", str(port)):
        return False
    if number := _address(name):
        return number == address
    name = name.removeprefix("*") if name.startswith("*.") else name
    if name.startswith("."):  # what is below that name, and not the name itself
        return host.endswith(name)
    return name == "*" or (name != "" and f".{host}".endswith(f".{name}"))


def _address(text: str) -> _Address | None:
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(text.strip("[]"))
        return getattr(address, "ipv4_mapped", None) or address
    return None


def _variable(environment: Mapping[str, str], name: str) -> str:
    return environment.get(name) or environment.get(name.upper(), "")


def _proxy(text: str, credentials: str) -> Proxy:
    """The proxy at an address, which may hold a password and is not shown."""
    unusable = ExitError(78, "a proxy in the pod's environment (HTTPS_PROXY, HTTP_PROXY) is not http://HOST:PORT")
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        host, port = parts.hostname or "", parts.port or 80
        host.encode("idna")  # what would be looked up: a label may be empty or too long
    except ValueError:
        raise unusable from None
    if parts.scheme != "http" or not host or not host.isascii():
        raise unusable
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return Proxy(host, port, place, _authorization(credentials or _userinfo(parts)))


def _userinfo(parts: SplitResult) -> str:
    return f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else ""


def _authorization(credentials: str) -> str:
    if not credentials:
        return ""
    if ":" not in credentials or not credentials.isprintable():
        raise ExitError(77, "what fetch.proxy_secret names is not USER:PASSWORD in one line; store it so")
    return f"Basic {base64.b64encode(credentials.encode()).decode()}"
