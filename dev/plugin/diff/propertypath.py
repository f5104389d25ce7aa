"""Property paths as Pulumi writes them: `spec.ports[0].name`, `data["config.yaml"]`, `a[*].b`.

Source: pulumi sdk/go/common/resource/property_path.go, v3.259.
"""

import re

Path = tuple[str | int, ...]
_STEP = re.compile(r"""\.?(?:\["((?:[^"\\]|\\.)*)"\]|\[(\d+|\*)\]|([^.\[\]"]+))""")


def parse(text: str) -> Path:
    """The steps of a path; raises ValueError where the text is not a path."""
    steps: list[str | int] = []
    position = 0
    while position < len(text):
        match = _STEP.match(text, position)
        if not match:
            raise ValueError(f"{text!r} is not a property path")
        quoted, index, plain = match.groups()
        if index is not None:
            steps.append(index if index == "*" else int(index))
        else:
            steps.append(quoted.replace('\\"', '"') if quoted is not None else plain)
        position = match.end()
    return tuple(steps)


def render(path: Path) -> str:
    """The inverse of `parse`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif re.search(r'[."\[\]]', step):
            escaped = step.replace('"', '\\"')
            text += f'["{escaped}"]'
        else:
            text += f".{step}" if text else step
    return text


def contains(outer: Path, inner: Path) -> bool:
    """Whether `inner` is `outer` or lies below it; `*` in `outer` stands for any step."""
    return len(outer) <= len(inner) and all(a in ("*", b) for a, b in zip(outer, inner, strict=False))
