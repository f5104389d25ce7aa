"""What a person sees when a command cannot do its work."""

from plan.base.errors import FixableError


class OpsError(FixableError):
    """A command of ops cannot do its work."""
