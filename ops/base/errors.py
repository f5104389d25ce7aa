"""What a person sees when a command cannot do its work."""

from plan.base.errors import FixableError


class OpsError(FixableError):
    """A command of ops cannot do its work."""


def unreachable(place: str, error: Exception, fix: str) -> OpsError:
    """The error for a server that did not answer."""
    return OpsError(f"{place} cannot be reached: {type(error).__name__} {error}".rstrip(), fix)
