"""An object's properties by name: list elements by what identifies them, commands by flag, texts by what is in them.

So an entry that is put in front of others differs alone, and not every entry behind it, as by Pulumi's index.
"""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from plan.text.errors import Source, TextError
from plan.text.json_reader import read_json
from plan.text.yaml_reader import read_yaml

Path = tuple[str, ...]
# What tells the elements of Kubernetes' lists apart (its merge keys), and those of our manifests.
_IDENTITIES = ("mountPath", "containerPort", "port", "name", "id", "link", "key", "ip")
_FLAG = re.compile(r"--?[a-zA-Z][\w-]*")
_INI = re.compile(r"\[(.+)\]|([^=#;]+?)\s*=\s*(.*)")
_SOURCE = Source("a text", "")


def leaves(value: object, path: Path = ()) -> Iterator[tuple[Path, object]]:
    """Every single value below the first with its path, in order; an empty list or mapping counts as one."""
    inner = _inner(value, path[-1] if path else "")
    if not isinstance(inner, Mapping) or not inner:
        if path:
            yield path, inner
        return
    for key, entry in cast("Mapping[str, object]", inner).items():
        yield from leaves(entry, (*path, str(key)))


def _inner(value: object, key: str) -> object:
    """A mapping by names where the value has parts, else the value itself."""
    if isinstance(value, Mapping):
        return cast("Mapping[str, object]", value)
    if isinstance(value, list):
        return _by_identity(cast("list[Any]", value))
    return _of_text(value, key) if isinstance(value, str) else value


def _by_identity(entries: Sequence[Any]) -> object:
    if all(isinstance(it, str) for it in entries):
        return _command(entries) if any(_is_flag(it) or _is_command(it) for it in entries) else _listed(entries)
    if all(isinstance(it, Mapping) for it in entries):
        for identity in _IDENTITIES:
            found = [it.get(identity) for it in entries]
            if all(isinstance(it, str | int) for it in found) and len(set(map(str, found))) == len(found):
                return {str(it[identity]): {key: it[key] for key in it if key != identity} or True for it in entries}
    return {f"[{index}]": it for index, it in enumerate(entries)}


def _listed(words: Sequence[str]) -> object:
    """A list of texts is a set of them where none is there twice; its order then tells nothing that a person reads."""
    return dict.fromkeys(words, True) if len(set(words)) == len(words) else {f"[{i}]": it for i, it in enumerate(words)}


def _of_text(text: str, key: str) -> object:
    """What a text holds, where it is JSON, YAML, an INI file or a command; it is a text, after all, if not."""
    try:
        if text.startswith(("{", "[")):
            return _inner(read_json(text, _SOURCE, dict if text[0] == "{" else list), "")
        if key.endswith((".yaml", ".yml")):
            found: object = read_yaml(text, _SOURCE)
            return text if isinstance(found, str) else _inner(found, "")
        if key.endswith(".ini"):
            return _ini(text)
        if _is_command(text):
            return _command(shlex.split(text))
    except (ValueError, TextError):
        pass
    return text


def _ini(text: str) -> Mapping[str, Any]:
    found: dict[str, dict[str, str]] = {}
    section = ""
    for line in text.splitlines():
        if match := _INI.fullmatch(line.strip()):
            section = match[1] or section
            if match[2]:
                found.setdefault(section, {})[match[2]] = match[3]
    return found


def _command(words: Sequence[str]) -> Mapping[str, Any]:
    """A command line: its flags with their values, what it is about by its place, a command within it by its name."""
    found: dict[str, Any] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if _is_flag(word):
            takes = bool(rest) and not _is_flag(rest[0])
            given = rest.pop(0) if takes else True
            found[word] = f"{found[word]}, {given}" if word in found else given
        elif _is_command(word):
            name, _, flags = word.partition(" ")
            found[name] = flags
        else:
            found[f"[{len(found)}]"] = word
    return found


def _is_flag(word: str) -> bool:
    return bool(_FLAG.fullmatch(word))


def _is_command(text: str) -> bool:
    return " --" in text and "\n" not in text
