"""What the environment says of the network, settled once for every client: proxies, what needs none, whom to trust.

huggingface_hub and httpx2 read HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY with networks such as 10.0.0.0/8,
SSL_CERT_FILE and SSL_CERT_DIR themselves. Here is what other programs read too, and words for what cannot be used.
"""

import os
import re
import ssl
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TypeVar
from urllib.parse import urlsplit

from plan.base.errors import FixableError
from plan.config.addresses import is_inside

# curl and Go never send these through a proxy (golang.org/x/net v0.60.0, http/httpproxy); Python's clients would.
_OWN = "localhost,127.0.0.0/8,::1"
_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")
# The largest answer is half of a GGUF header, 32 MiB: at 56 KiB/s that is ten minutes.
ANSWER_S = 600.0
_LONGEST_WAIT_S = 1.0
Answer = TypeVar("Answer")


class NetworkError(FixableError):
    """A variable of the environment that says nothing usable of the network."""


class LateError(TimeoutError):
    """An answer took longer in all than it may, however often a part of it came."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"no whole answer within {seconds:g} s")


def within(seconds: float, answer: Callable[[], Answer]) -> Answer:
    """Return what `answer` returns; raises LateError where that takes more than `seconds` in all.

    A client's own limits are for one read: a server that sends a byte now and then keeps to them for ever, in its
    headers as in its body. The thread that waits for it ends with the program.
    """
    future = Future[Answer]()

    def run() -> None:
        try:
            future.set_result(answer())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    end = time.monotonic() + seconds
    # In short waits: one is not ended by a signal that came just before it, or to another thread (CPython 3.11), and a
    # Ctrl-C would be seen at its end.
    while not wait([future], min(_LONGEST_WAIT_S, max(0.0, end - time.monotonic()))).done:
        if time.monotonic() >= end:
            raise LateError(seconds)
    return future.result()


def settle() -> None:
    """Complete the environment; raises NetworkError for a proxy or authorities that cannot be used."""
    for name in _PROXIES:
        if (value := _value(name)) and not _is_proxy(value):
            what = f"{name} is not the address of an HTTP proxy"  # and may hold a password
            raise NetworkError(what, f"write it as http://HOST:PORT, or unset {name}")
    if any(map(_value, _PROXIES)) and _OWN not in (before := _value("NO_PROXY")):
        entries = f"{before},{_OWN}".lstrip(",")
        os.environ |= {"NO_PROXY": entries, "no_proxy": entries}
    _settle_authorities()


def require_private(url: str) -> None:
    """Raise NetworkError where a token would go over the internet unencrypted, as a stack is refused that says so."""
    if url.lower().startswith("http://") and os.environ.get("HF_TOKEN") and not is_inside(url):
        what = "HF_TOKEN would go over http://, where anyone on the way reads it"
        raise NetworkError(what, "use an https:// address, or unset HF_TOKEN")


def answer_of_proxy(error: Exception) -> str:
    """What the proxy said instead of passing a request on, of the error that httpx2 made of it; "" of another error."""
    found = re.match(r"\d{3}\b", str(error)) if type(error).__name__ == "ProxyError" else None
    return f"the proxy answers HTTP {found[0]}" if found else ""


def advice(error: Exception) -> str:
    """What to look at besides when a server is not reached; "" where the network has nothing of its own."""
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return "; name the certificate of your network's own authority in SSL_CERT_FILE, if it has one"
    found = [name for name in _PROXIES if _value(name)]
    return f"; correct {' or '.join(found)}, or name the host in NO_PROXY" if found else ""


def _settle_authorities() -> None:
    """REQUESTS_CA_BUNDLE is the same as SSL_CERT_FILE or SSL_CERT_DIR, of which one that is set counts alone."""
    own = [name for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if os.environ.get(name)]
    for name in own or ["REQUESTS_CA_BUNDLE"]:
        if not (place := os.environ.get(name)):
            return
        if not os.access(place, os.R_OK):
            raise NetworkError(f"{name} is {place[:200]!r}, which cannot be read", f"correct it, or unset {name}")
        is_directory = os.path.isdir(place)
        try:
            ssl.create_default_context(cafile=None if is_directory else place)
        except OSError:  # of which ssl.SSLError is one
            what = f"{name} is {place[:200]!r}, which holds no certificate in PEM form"
            raise NetworkError(what, f"correct it, or unset {name}") from None
        if not own:
            os.environ["SSL_CERT_DIR" if is_directory else "SSL_CERT_FILE"] = place


def _value(name: str) -> str:
    return os.environ.get(name.lower()) or os.environ.get(name, "")


def _is_proxy(address: str) -> bool:
    try:
        parts = urlsplit(address if "://" in address else f"http://{address}")
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
