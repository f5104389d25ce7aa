"""How a configuration names a file at the hub: by its quantization, or by its path."""

from plan.base.frozen import wrong


def require_one_name(what: str, tag: str | None, path: str | None, keys: tuple[str, str] = ("quant", "file")) -> None:
    """Raises ValidationError where `what` has both of the two `keys`; one may be required elsewhere."""
    if tag is not None and path is not None:
        raise wrong(f"{what} has `{keys[0]}` or `{keys[1]}`, not both", path, keys[1])
