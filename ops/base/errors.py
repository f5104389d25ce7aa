"""What a person sees when a command cannot do its work."""

from ops.base import network
from plan.base.errors import FixableError


class OpsError(FixableError):
    """A command of ops cannot do its work."""


def unreachable(place: str, error: Exception, fix: str) -> OpsError:
    """The error for a server that did not answer."""
    why = network.answer_of_proxy(error) or f"{type(error).__name__} {error}".rstrip()
    return OpsError(f"{place} cannot be reached: {why}", f"{fix}{network.advice(error)}")
