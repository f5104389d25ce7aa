"""What a person sees when a command cannot do its work."""

import ssl

from ops.base import network
from plan.base.errors import FixableError

# What happened, by the name of a library's exception that came from no error of the system (httpx2 2.16).
_KINDS = {
    "ConnectError": "no connection",
    "DecodingError": "its answer is not compressed as it says",
    "InvalidURL": "it leads to what is no address",
    "OfflineModeIsEnabled": "HF_HUB_OFFLINE is set",
    "ReadError": "the connection broke off",
    "RemoteProtocolError": "its answer is not HTTP, or breaks off",
    "TooManyRedirects": "it leads from one address to the next without end",
    "UnicodeError": "it leads to what is no address",
    "UnsupportedProtocol": "it leads to an address that begins with neither http:// nor https://",
    "WriteError": "the connection broke off",
}


class OpsError(FixableError):
    """A command of ops cannot do its work."""


def unreachable(place: str, error: Exception, fix: str) -> OpsError:
    """The error for a server that did not answer."""
    if isinstance(error, network.LateError):
        return OpsError(f"{place} is too slow: {error}", f"try again, or {fix}{network.advice(error)}")
    why = network.answer_of_proxy(error) or reason(error)
    return OpsError(f"{place} cannot be reached: {why}", f"{fix}{network.advice(error)}")


def reason(error: BaseException) -> str:
    """Why a server did not answer, in the system's words and never in a library's.

    A library's exception may quote the header that it refuses, with the token in it, or the URL of a proxy with its
    password. The exceptions it came from are looked at for one of the system; else its kind says what happened.
    """
    at: BaseException | None = error
    for _ in range(10):
        if isinstance(at, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted: {at.verify_message}"
        if isinstance(at, ssl.SSLError) and at.reason:
            return f"no TLS with it ({at.reason.replace('_', ' ').lower()}): it may be an http:// address"
        if isinstance(at, TimeoutError):
            return "no answer in time"
        if isinstance(at, OSError) and at.errno and at.strerror:
            return str(at.strerror)
        inner = getattr(at, "reason", None)
        at = inner if isinstance(inner, BaseException) else at and (at.__cause__ or at.__context__)
        if at is None:
            break
    return _KINDS.get(type(error).__name__, f"an error of the kind {type(error).__name__}")
