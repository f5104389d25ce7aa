"""Connections to a hub and to wherever it redirects: directly or through a proxy, encrypted and with whom to trust.

An error says who did not do its part: the proxy, or whoever is behind it.
"""

import contextlib
import functools
import http.client
import socket
import ssl
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import SplitResult

from pods.core.report import ExitError
from pods.fetch.manifest import Manifest
from pods.fetch.proxy import Proxies, Proxy

# X509_V_ERR_* of OpenSSL's x509_vfy.h: the chain of certificates ends at none that is trusted here.
_NOBODY_KNOWN = {2, 18, 19, 20, 21}


class Origin(NamedTuple):
    """What a connection is made to, and a token belongs to."""

    scheme: str
    host: str
    port: int


class ProxyError(OSError):
    """The proxy did not do its part; another try may succeed."""


def origin(url: SplitResult) -> Origin:
    """Raises ExitError 69 for what is no address of a server, such as a redirect that leads nowhere."""
    with contextlib.suppress(ValueError, KeyError):  # a port that is none, a name that is none, another scheme
        host = (url.hostname or "").rstrip(".").encode("idna").decode()
        if host:
            return Origin(url.scheme, host, url.port or {"http": 80, "https": 443}[url.scheme])
    shown = url._replace(netloc=url.netloc.rpartition("@")[2], query="", fragment="").geturl()
    raise ExitError(69, f"{ascii(shown)[:200]} is no address of a web server")


class Routes:
    """Opens connections as the manifest, and where it says nothing the environment, has it."""

    def __init__(self, manifest: Manifest, environment: Mapping[str, str]) -> None:
        self._proxies = Proxies(manifest.proxy, manifest.no_proxy, environment)
        self._ca_file = manifest.ca_file
        if manifest.ca_file:
            _ = self._trust  # a bundle that cannot be used is found before the first byte

    @functools.cached_property
    def _trust(self) -> ssl.SSLContext:
        return _trust(self._ca_file)

    def proxy(self, to: Origin) -> Proxy | None:
        return self._proxies.of(*to)

    def open(self, url: SplitResult, timeout_s: float) -> tuple[http.client.HTTPConnection, str]:
        """A connection, which its first request opens; and what comes before the path in what a proxy is asked for."""
        to = origin(url)
        proxy, trust = self.proxy(to), self._trust if to.scheme == "https" else None
        whole = f"http://{url.netloc.rpartition('@')[2]}" if proxy and not trust else ""
        return _Connection(to, proxy, trust, timeout_s), whole


class _Connection(http.client.HTTPConnection):
    """To one origin; as every HTTPConnection it is opened anew by a request after it was closed."""

    def __init__(self, to: Origin, proxy: Proxy | None, trust: ssl.SSLContext | None, timeout_s: float) -> None:
        super().__init__(to.host, to.port, timeout=timeout_s)
        self.default_port = 443 if trust else 80  # which the header Host leaves out
        self._to, self._proxy, self._trust = to, proxy, trust
        self._reader = None if trust else proxy  # a proxy that reads the requests, and answers some itself

    def endheaders(self, *args: Any, **kwargs: Any) -> None:
        if self._reader and self._reader.authorization:
            self.putheader("Proxy-Authorization", self._reader.authorization)
        super().endheaders(*args, **kwargs)

    def getresponse(self) -> http.client.HTTPResponse:
        answer = super().getresponse()
        if self._reader and answer.status in (407, 502, 504):
            answer.close()
            self.close()
            raise _refusal(self._reader, answer.status, self._to)
        return answer

    def connect(self) -> None:
        try:
            self._connect()
        except BaseException:
            self.close()  # the next request is not to go to where this one was refused
            raise

    def _connect(self) -> None:
        if proxy := self._proxy:
            try:
                self._dial(proxy.host, proxy.port)
                status = self._tunnel_status(proxy) if self._trust else 200
            except OSError as error:
                raise ProxyError(f"the proxy {proxy.place} does not answer: {error}") from None
            except http.client.HTTPException:
                raise ProxyError(f"the proxy {proxy.place} answers in no language that a proxy speaks") from None
            if not 200 <= status < 300:
                raise _refusal(proxy, status, self._to)
        else:
            self._dial(self._to.host, self._to.port)
        if self._trust:
            self.sock = self._encrypted(self._trust)

    def _dial(self, host: str, port: int) -> None:
        self.sock = socket.create_connection((host, port), self.timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _tunnel_status(self, proxy: Proxy) -> int:
        """What the proxy answers to CONNECT (RFC 9110, 9.3.6); its credentials go no further than this."""
        to = f"[{self._to.host}]:{self._to.port}" if ":" in self._to.host else f"{self._to.host}:{self._to.port}"
        lines = [f"CONNECT {to} HTTP/1.1", f"Host: {to}"]
        if proxy.authorization:
            lines.append(f"Proxy-Authorization: {proxy.authorization}")
        self.sock.sendall("\r\n".join([*lines, "", ""]).encode())
        with http.client.HTTPResponse(self.sock, method="CONNECT") as answer:
            answer.begin()
            return answer.status

    def _encrypted(self, trust: ssl.SSLContext) -> ssl.SSLSocket:
        try:
            return trust.wrap_socket(self.sock, server_hostname=self._to.host)
        except ssl.SSLCertVerificationError as error:
            if error.verify_code not in _NOBODY_KNOWN:
                raise
            what = f"nobody trusted here vouches for {self._to.host}:{self._to.port} ({error.verify_message})"
            raise ExitError(77, f"{what}: name the certificate of its authority in fetch.ca_configmap") from None
        except OSError as error:
            if not self._proxy:
                raise
            what = f"through the proxy {self._proxy.place} there is no TLS with {self._to.host}:{self._to.port}"
            raise ProxyError(f"{what}: {error}") from None


def _refusal(proxy: Proxy, status: int, to: Origin) -> Exception:
    what = f"the proxy {proxy.place} answers HTTP {status} to a request for {to.host}:{to.port}"
    if status == 407:
        fix = "it refuses the user or password" if proxy.authorization else "it wants a user and a password"
        return ExitError(77, f"{what}: {fix}; see fetch.proxy_secret")
    if status == 403:
        return ExitError(77, f"{what}: allow it there, or name the host in fetch.no_proxy")
    return ProxyError(what)


def _trust(ca_file: str) -> ssl.SSLContext:
    """The authorities of the image (of SSL_CERT_FILE, where that is set), and those of the file."""
    trust = ssl.create_default_context()
    trust.set_alpn_protocols(["http/1.1"])
    if not ca_file:
        return trust
    try:
        trust.load_verify_locations(ca_file)
    except FileNotFoundError:
        raise ExitError(78, f"there is no {ca_file}: fetch.ca_configmap names a key that the ConfigMap lacks") from None
    except OSError:
        raise ExitError(78, f"{ca_file} holds no certificate: fetch.ca_configmap takes PEM, and nothing else") from None
    # Python 3.13 asks more of certificates (RFC 5280 to the letter) than many an authority of a company gives them.
    trust.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return trust
