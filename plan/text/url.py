"""What a URL may be that we ask: http or https, a host, perhaps a port and a path, and never a user or a password.

One parser for endpoints, hubs, Prometheus and files. Its refusals never quote the URL: what is wrong may be a password.
"""

import ipaddress
import re
from dataclasses import dataclass

_URL = re.compile(r"(?i)(https?)://([^/?#]*)([^?#]*)(?:\?([^#]*))?")
_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")  # RFC 1123, and the underscore that Compose and some DNS have
_HOST_LENGTH, _LENGTH, _PORTS = 253, 4096, 65535


@dataclass(frozen=True, slots=True)
class Url:
    """Its parts as they were written, the scheme and the host in lower case; an IPv6 host has no brackets here."""

    scheme: str
    host: str
    port: int | None
    path: str
    query: str | None

    @property
    def origin(self) -> str:
        """Scheme, host and port: who answers, and who may be sent a token that is for them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + (f":{self.port}" if self.port else "")

    @property
    def place(self) -> str:
        """For messages: without the query, which may be a signature."""
        return f"{self.origin}{self.path}"

    @property
    def text(self) -> str:
        return self.place + (f"?{self.query}" if self.query is not None else "")


def parse_url(text: str) -> Url:
    """The parts of a URL; raises ValueError with the rule that it breaks, without a word of it."""
    if len(text) > _LENGTH:
        raise ValueError(f"a URL has at most {_LENGTH} characters")
    if re.search(r"[^!-~]", text):
        raise ValueError("a URL has visible ASCII signs alone: no spaces, no letters with accents")
    if not (match := _URL.fullmatch(text)):
        raise ValueError("a URL begins with http:// or https://, and has no #")
    authority = match[2]
    if "@" in authority:
        raise ValueError("a URL here has no user and no password: they would be in logs and in error messages")
    host, port = _divided(authority)
    return Url(match[1].lower(), host, port, match[3], match[4])


def _divided(authority: str) -> tuple[str, int | None]:
    if authority.startswith("["):
        address, bracket, after = authority[1:].partition("]")
        if not bracket:
            raise ValueError("an IPv6 address stands in brackets, as http://[2001:db8::1]:8080")
        host = _ipv6(address)
    else:
        host, colon, digits = authority.partition(":")
        after, host = colon + digits, _host(host.lower())
    return host, _port(after)


def _ipv6(address: str) -> str:
    try:
        return str(ipaddress.IPv6Address(address))
    except ValueError:
        raise ValueError("what is in the brackets is not an IPv6 address") from None


def _host(host: str) -> str:
    labels = host.removesuffix(".").split(".")
    if len(host) > _HOST_LENGTH or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError(
            "a host is an address or a name: parts of letters, digits and '-', up to 63 each, with one dot between them"
        )
    if labels[-1].isdigit():
        try:
            ipaddress.IPv4Address(host)
        except ValueError:
            raise ValueError("its host looks like an IPv4 address and is none") from None
    return host


def _port(after: str) -> int | None:
    if not after:
        return None
    if not re.fullmatch(r":[0-9]{1,5}", after) or not 1 <= int(after[1:]) <= _PORTS:
        raise ValueError(f"a port is a number from 1 to {_PORTS}")
    return int(after[1:])
