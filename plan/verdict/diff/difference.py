"""What differs between two states of an object, in few lines: by names, shortened, and never with a secret."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from plan.text.show import is_secret, plain, show
from plan.verdict.diff.named import Path, leaves

_UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"  # plugin.UnknownStringValue of pulumi's sdk/go
_BLINDED = "[secret]"
_LONGEST, _STEP = 48, 60
_MADE_UP = re.compile(r"-[0-9a-f]{7,8}$")  # the end of a name that Pulumi gave
_HASH = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{28,}\b")
# What every object of a kind has around what tells it apart.
_WRAPPINGS = (
    ("spec", "jobTemplate", "spec", "template", "spec"),
    ("spec", "template", "spec"),
    ("spec", "template"),
    ("spec",),
    ("metadata",),
    ("data",),
)
# Pulumi's own notes on an object.
_SILENT = ("pulumi.com/autonamed", "pulumi.com/patchFieldManager", "pulumi.com/patchForce")


@dataclass(frozen=True, slots=True)
class Difference:
    """One value; `old` or `new` is "" where there is none."""

    path: Path
    old: str
    new: str

    @property
    def line(self) -> str:
        path = _shown(self.path)
        if not self.old:
            return f"+ {path}{f': {self.new}' if self.new != 'yes' else ''}"
        if not self.new:
            return f"- {path}{f': {self.old}' if self.old != 'yes' else ''}"
        return f"{path}: {self.old} -> {self.new}"


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Difference]:
    """Each value that is not the same, in the order of `new`, and then what is gone; alike ones as one.

    What came or went as a whole is one too, with the number of its values.
    """
    before, after = dict(leaves(old)), dict(leaves(new))
    changed = [path for path in after if path in before and before[path] != after[path]]
    found = [_difference(path, before, after) for path in changed]
    found += [Difference(path, "", said) for path, said in _whole(after, before)]
    found += [Difference(path, said, "") for path, said in _whole(before, after)]
    return _merged([it for it in found if not set(it.path) & {*_SILENT}])


def _whole(there: Mapping[Path, object], elsewhere: Mapping[Path, object]) -> Iterator[tuple[Path, str]]:
    """What only `there` has: the highest path of which `elsewhere` has nothing, and what it holds."""
    known = {path[:length] for path in elsewhere for length in range(len(path) + 1)}
    found: dict[Path, list[Path]] = {}
    for path in there:
        filled = path in known and there[path] in ([], {})  # it is elsewhere too, with something in it
        if path not in elsewhere and not filled:
            length = next((it for it in range(1, len(path)) if path[:it] not in known), len(path))
            found.setdefault(path[:length], []).append(path)
    for path, held in found.items():
        yield (path, f"{len(held)} values") if held[1:] else (held[0], _difference(held[0], {}, there).new)


def _difference(path: Path, before: Mapping[Path, object], after: Mapping[Path, object]) -> Difference:
    old, new = (value_words(path, it[path]) if path in it else "" for it in (before, after))
    if path[-2:] == ("configMap", "name") and _MADE_UP.sub("", old) == _MADE_UP.sub("", new):
        new = "a new one"
    if len(old) > _LONGEST or len(new) > _LONGEST:
        same = _common(old, new) if old and new else 0
        old, new = _cut(old, same), _cut(new, same)
        if old == new:
            new = "another text"
    return Difference(path, old, new)


def value_words(path: Path, value: object) -> str:
    """One value as it is shown: what is secret is not, and what only the update will tell is said so."""
    if value == _UNKNOWN:
        return "known later"
    if value == _BLINDED or any(is_secret(key, value) for key in path[-2:]):
        return _BLINDED
    if isinstance(value, str):
        return plain(value, len(value) + 1) if value else "''"
    words: dict[object, str] = {True: "yes", False: "no", None: "none"}
    return words[value] if isinstance(value, bool) or value is None else "none" if value in ([], {}) else show(value)


def _common(old: str, new: str) -> int:
    length = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    return max(length - 12, 0)


def _cut(text: str, start: int) -> str:
    rest = text[start:]
    return f"{'...' if start else ''}{plain(rest, _LONGEST)}"


def _merged(found: Sequence[Difference]) -> list[Difference]:
    """One for all that differ in one step of their path alone: models.a,b,c.ttl."""
    alike: dict[object, list[Difference]] = {}
    for it in found:
        for place in range(len(it.path)):
            alike.setdefault(_but(it, place), []).append(it)
    done, merged = set[Path](), list[Difference]()
    for it in found:
        if it.path in done:
            continue
        groups = [(place, alike[_but(it, place)]) for place in range(len(it.path))]
        place, group = max(groups, key=lambda row: len(row[1]), default=(0, [it]))
        group = [other for other in group if other.path not in done]
        done |= {other.path for other in group}
        names = ",".join(other.path[place] for other in group) if it.path else ""
        path = (*it.path[:place], names, *it.path[place + 1 :]) if it.path else ()
        merged.append(Difference(path, it.old, it.new))
    return merged


def _but(it: Difference, place: int) -> object:
    return place, it.path[:place], it.path[place + 1 :], it.old, it.new


def _shown(path: Path) -> str:
    """The path without what every object has around it: containers.server.env.HOME.value, gate.json models.a.gen."""
    wrapping = next((it for it in _WRAPPINGS if path[: len(it)] == it and len(path) > len(it)), ())
    first, *rest = (plain(_HASH.sub(r"\1...", it), _STEP) for it in path[len(wrapping) :])
    text = "".join(_step(it) for it in rest)
    return f"{first} {text.lstrip('.')}" if "." in first and text else f"{first}{text}"


def _step(name: str) -> str:
    if name.startswith("-"):
        return f" {name}"
    return f"[{name.strip('[]')}]" if "." in name or name.startswith("[") else f".{name}"
