"""What a person sees when a command cannot do its work."""

import ssl

from ops.base import network
from plan.base.errors import FixableError


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
        if isinstance(at, TimeoutError):
            return "no answer in time"
        if isinstance(at, OSError) and at.errno and at.strerror:
            return str(at.strerror)
        inner = getattr(at, "reason", None)
        at = inner if isinstance(inner, BaseException) else at and (at.__cause__ or at.__context__)
        if at is None:
            break
    return type(error).__name__
