"""Values that fit nowhere, and where in a tree of plain values they are put: same seed, same trees."""

import json
import math
import random
from collections.abc import Callable, Iterator
from typing import Any

from tests.corpus.case import PASSWORD

Path = tuple[str | int, ...]
DEEP: Any = json.loads("[" * 300 + "]" * 300)
NUMBERS: tuple[Any, ...] = (
    0, -1, 1, 2, 2**31 - 1, 2**31, 2**32 - 1, 2**53 + 1, 2**63, 10**12, 10**320, -(2**63), 0.5, -0.5, 1e308, 1.0,
    math.inf, -math.inf, math.nan,
)  # fmt: skip
TEXTS: tuple[str, ...] = (
    "", " ", "a", "A", "0", "-", ".", "..", "../x", "./x", "a//b", "/", "/etc/shadow", "a b", " a", "a ", "a\n",
    "a\nb: c",
    "\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "a\0b", "a\rb", "\x9b31m", "\x7f", "\u202egnp.exe", "\u2066x\u2069",
    "\u200bx",
    "\ud800", "\udcff", "\ufeffx", "\u2028", "[/red]", "[bold]x[/bold]", "[link=http://x]y[/link]",
    "<script>alert(1)</script>",
    "&lt;", "$(HF_TOKEN)", "$(HOME)-Q4_K_M.gguf", "a$$b", "${PORT}", "${env.HF_TOKEN}", "$$(x)", "`id`", "'; id; '",
    '"', "{{.}}",
    "{0}", "%s%n", "\\", "a\\b", "Ж", "Qw\u0435n/Qwen3-8B-GGUF", "²³", "٣", "١٢٣", "1e3", "0x10", "0o17",
    "1_000", "NaN",
    "null", "~",
    "true", "no", "on", "2099-02-30", "2026-13-01", "0000-00-00", "30Gi", "100m", "1e", "memory", "cpu", "kube-system",
    "example.com/", "/gpu", "a b/c", "https://ghcr.io/x@sha256:00", f"http://user:{PASSWORD}@host",
    f"http://user:{PASSWORD}@[::1", "http://a..b", "http://[::1", "http://host:99999", "http://host:x",
    "file:///etc/passwd",
    "x" * 64, "x" * 254, "x" * 5000, "x" * 200_000, "y" * 200_000 + "\x1b", "-x", "--help", "x-00001-of-00000.gguf",
    "x-00003-of-00002.gguf",
)  # fmt: skip
OTHERS: tuple[Any, ...] = (
    None, True, False, [], {}, [[]], [None], [{}], {"": ""}, {"a": {"b": {}}}, {"\x1b[1m": "x"}, {"x" * 5000: 1},
    [1] * 1000, ["\x1b"] * 50, {str(n): n for n in range(300)}, DEEP,
)  # fmt: skip
ODD: tuple[Any, ...] = (*NUMBERS, *TEXTS, *OTHERS)


def places(tree: Any, here: Path = ()) -> Iterator[Path]:
    """Where something stands in the tree, its root apart."""
    entries = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for step, value in entries:
        yield (*here, step)
        yield from places(value, (*here, step))


def at(tree: Any, path: Path) -> Any:
    for step in path:
        tree = tree[step]
    return tree


def put(tree: Any, path: Path, value: Any) -> Any:
    """The tree with `value` at `path`; what is beside the path is shared with the old one."""
    if not path:
        return value
    step, rest = path[0], path[1:]
    if isinstance(tree, dict):
        return {**tree, step: put(tree.get(step, {}), rest, value)}
    return [*tree[:step], put(tree[step], rest, value), *tree[step + 1 :]]


def without(tree: Any, path: Path) -> Any:
    parent = at(tree, path[:-1])
    if isinstance(parent, dict):
        return put(tree, path[:-1], {key: value for key, value in parent.items() if key != path[-1]})
    return put(tree, path[:-1], [value for number, value in enumerate(parent) if number != path[-1]])


def _replaced(rng: random.Random, tree: Any, path: Path) -> tuple[str, Any]:
    value = rng.choice(ODD)
    return f"= {short(value)}", put(tree, path, value)


def _alike(rng: random.Random, tree: Any, path: Path) -> tuple[str, Any]:
    """Another value of the same type: more of these are accepted."""
    old = at(tree, path)
    same = {bool: (True, False), int: NUMBERS, float: NUMBERS, str: TEXTS}.get(type(old), OTHERS)
    value = rng.choice(same)
    return f"= {short(value)}", put(tree, path, value)


def _near(rng: random.Random, tree: Any, path: Path) -> tuple[str, Any]:
    """The old value with a small change."""
    old = at(tree, path)
    if isinstance(old, bool | None):
        return "is negated", put(tree, path, not old)
    if isinstance(old, int | float):
        value: Any = rng.choice(
            (old + 1, old - 1, -old, old * 2, old * 1000, old / 2, float(old), str(old), old * 10**9)
        )
    elif isinstance(old, str):
        sign, where = (
            rng.choice(("\x1b", "\n", "\0", " ", "$", ".", "/", "-", "Ж", "\u202e", "'", "x")),
            rng.randint(0, len(old)),
        )
        value = rng.choice(
            (old[:where] + sign + old[where:], old[:where], old.upper(), old * 2, old[::-1], [old], f" {old} ")
        )
    else:
        value = rng.choice(([old], {"x": old}, str(old), [*old, *old] if isinstance(old, list) else list(old)))
    return f"= {short(value)}, near {short(old)}", put(tree, path, value)


def _moved(rng: random.Random, tree: Any, path: Path) -> tuple[str, Any]:
    """What stands elsewhere."""
    other = rng.choice(list(places(tree)))
    return f"has what is at {where(other)}", put(tree, path, at(tree, other))


def _gone(rng: random.Random, tree: Any, path: Path) -> tuple[str, Any]:
    del rng
    return "is missing", without(tree, path)


def _renamed(rng: random.Random, tree: Any, path: Path) -> tuple[str, Any]:
    name = rng.choice((f"{path[-1]}s", str(path[-1]).upper(), rng.choice(TEXTS)))
    parent = at(tree, path[:-1])
    if not isinstance(parent, dict):
        return "is missing", without(tree, path)
    return f"is called {short(name)}", put(without(tree, path), (*path[:-1], name), at(tree, path))


_CHANGES: tuple[Callable[[random.Random, Any, Path], tuple[str, Any]], ...] = (
    _replaced, _replaced, _alike, _alike, _alike, _near, _near, _moved, _gone, _renamed,
)  # fmt: skip


def changed(seed: str, tree: Any, count: int) -> Iterator[tuple[str, Any]]:
    """So many trees that differ from this one in one place, with words for it."""
    rng = random.Random(seed)  # noqa: S311 - the same trees in every run
    there = list(places(tree))
    for _ in range(count):
        path = rng.choice(there)
        what, new = rng.choice(_CHANGES)(rng, tree, path)
        yield f"{where(path)} {what}", new


def where(path: Path) -> str:
    return ascii(".".join(map(str, path)))[1:-1]


def short(value: Any) -> str:
    """A value in the name of a case."""
    text = f"a list of {len(value)}" if isinstance(value, list) else value
    text = f"a mapping of {len(value)}" if isinstance(value, dict) else text
    shown = ascii(f"10^{len(hex(abs(value))) // 4}.." if isinstance(value, int) and abs(value) > 10**30 else text)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
