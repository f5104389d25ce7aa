"""Where in its file a key stands: Pulumi.prod.yaml:87. Looked up when an error is told, and never before."""

import re
from collections.abc import Callable, Iterator
from pathlib import PurePath
from typing import Any, TypeVar, cast

import yaml

from plan.base.errors import ConfigError
from plan.config import stack_file
from plan.config.stack import KEY
from plan.text.decode import text_of
from plan.text.errors import Source

Error = TypeVar("Error", bound=Exception)
Steps = tuple[str | int, ...]
_ABOVE: Steps = ("config", KEY)
_MERGE = "tag:yaml.org,2002:merge"
_LINE_END = re.compile(r"\r\n|\r|\n")
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def with_lines(
    error: Error, file: PurePath, read: Callable[[], bytes], given: Callable[[], object] | None = None
) -> Error | ConfigError:
    """The error, with the line of the stack file `file` for each key that is in it; any other error as it is.

    `given` is the configuration that was judged, where that is not the file's own: a value that differs is from
    elsewhere, and gets no line. Nothing that is wrong with the file is told here: there are no lines then.
    """
    if not isinstance(error, ConfigError):
        return error
    try:
        content = read()
        written = stack_file.configuration(content, file)
        text = text_of(content, Source(str(file), ""))
        root, judged = yaml.compose(text, Loader=_Loader), written if given is None else given()
    except Exception:
        return error
    return error.placed(lambda key: _place(key, file, text, root, written, judged))


def _place(key: str, file: PurePath, text: str, root: object, written: object, judged: object) -> str:
    found = list(_steps(written, key.removeprefix(KEY))) if key.startswith(f"{KEY}.") else []
    if len(found) != 1 or not _is_the_same(_at(judged, found[0]), _at(written, found[0])):
        return ""
    before = _start(root, (*_ABOVE, *found[0]))
    # As editors count: libyaml has more kinds of line ends, and its lines are not theirs.
    return f"{file}:{len(_LINE_END.findall(text[:before])) + 1}" if before is not None else ""


def _steps(value: object, rest: str) -> Iterator[Steps]:
    """The ways that lead through the value: `.a.b.c` is one of keys that may have points themselves."""
    if not rest:
        yield ()
        return
    entries = cast("dict[str, Any]", value).items() if isinstance(value, dict) else ()
    items = enumerate(cast("list[Any]", value)) if isinstance(value, list) else ()
    for step, below in (*entries, *items):
        if f"{rest}.".startswith(f".{step}."):
            yield from ((step, *more) for more in _steps(below, rest[len(f".{step}") :]))


def _at(value: Any, steps: Steps) -> Any:
    for step in steps:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _is_the_same(judged: object, written: object) -> bool:
    if isinstance(judged, str) and isinstance(written, str):
        return re.split("[T ]", judged)[0] == written or judged == written  # Pulumi writes out the time of a day
    # What is in a list or a mapping has places of its own.
    return any(isinstance(judged, kind) and isinstance(written, kind) for kind in (dict, list)) or judged == written


def _start(node: Any, steps: Steps) -> int | None:
    """How many characters stand before a key, or an item of a list, in the text; None where it is not found."""
    start: int | None = None
    for step in steps:
        if isinstance(node, yaml.SequenceNode):
            node = node.value[step]
            start = node.start_mark.index
        elif (entry := _entry(node, str(step))) is not None:
            start, node = entry[0].start_mark.index, entry[1]
        else:
            return None
    return start


def _entry(mapping: Any, key: str) -> tuple[Any, Any] | None:
    """The nodes of a key and its value: the mapping's own, else one that `<<` brings in."""
    merged = list[Any]()
    for name, value in mapping.value:
        if isinstance(name, yaml.ScalarNode) and name.tag != _MERGE and name.value == key:
            return name, value
        if name.tag == _MERGE:
            merged += value.value if isinstance(value, yaml.SequenceNode) else [value]
    return next((entry for one in merged if (entry := _entry(one, key))), None)
