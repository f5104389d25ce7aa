"""Which options of `ops fit` belong to a stack and which to a GGUF file: one that would say nothing is refused."""

import typer

from ops.base.errors import OpsError

_OF_STACK = ("config", "html", "offline")
_OF_GGUF = ("mmproj", "context", "kv_type", "parallel", "ubatch", "cpu_moe", "image_max_tokens", "card")


def require_used(context: typer.Context, *, of_stack: bool) -> None:
    """Raise OpsError for an option that a person gave and that is not for what is asked about."""
    whose, names = ("--gguf", _OF_GGUF) if of_stack else ("--stack", _OF_STACK)
    for name in names:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            option = f"--{name.replace('_', '-')}"
            told = "; the card of a stack is `gpu.model` of its file" if name == "card" else ""
            raise OpsError(f"{option} belongs to {whose}", f"leave {option} out{told}")
