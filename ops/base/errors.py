"""What a person sees when a command cannot do its work."""


class OpsError(Exception):
    """Printed without a traceback: `what` with the value met, `fix` the next command or decision."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(f"{what}\n  next: {fix}")
        self.what, self.fix = what, fix
