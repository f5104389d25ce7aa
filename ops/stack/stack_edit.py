"""Sets or adds values in a stack file and changes no other byte: comments, quotes and alignment stay as they were.

A YAML library would rewrite the whole document. Here its parser only says where things stand in the text; the text is
edited at that place, then parsed again and compared with what was meant.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import yaml

from ops.base.errors import OpsError
from plan.text.errors import Source, TextError
from plan.text.yaml_reader import read_yaml

Step: TypeAlias = str | int  # a key of a mapping, or an index of a list; the index after the last one appends
_COLUMNS = 120
_LINE_END = re.compile(r"\r\n|\n|\r")
_EDITED = Source("the stack file", "correct the file")
Value: TypeAlias = Mapping[str, int | str]


def set_value(text: str, path: tuple[Step, ...], value: Value) -> str:
    """The text with the mapping `value` at `path`, whose last step alone may be new. Keys that are there stay.

    Raises OpsError where that cannot be done without writing anything else.
    """
    try:
        after = _set(text, path, value)
        if read_yaml(after, _EDITED) == _expected(read_yaml(text, _EDITED), path, value):
            return after
    except (yaml.YAMLError, TextError, TypeError):
        pass  # the edit broke the document, or something other than a mapping stands at the place
    where = ".".join(map(str, path[1:]))
    raise OpsError(f"{where} cannot be set without changing more of the file", f"write it by hand: {_flow(value)}")


def add_entries(text: str, path: tuple[str, ...], lines: Sequence[str], entries: Mapping[str, Any]) -> str:
    """The text with `lines`, which say `entries`, after the last one of the mapping at `path`, which may be new.

    The lines have no indentation of the mapping's own. Raises OpsError where that cannot be done without writing
    anything else, such as a mapping in braces.
    """
    try:
        after = _add(text, path, lines)
        before = read_yaml(text, _EDITED)
        if read_yaml(after, _EDITED) == _expected(before, path, entries):
            return after
    except (yaml.YAMLError, TextError, TypeError, IndexError):
        pass
    what = f"{'.'.join(path[1:])} cannot get more entries without changing more of the file"
    raise OpsError(
        what, "write it with one entry a line, as README.md shows it; or copy what is printed without --write"
    )


def _add(text: str, path: tuple[str, ...], lines: Sequence[str]) -> str:
    root = yaml.compose(text, yaml.SafeLoader)
    node, above = _find(root, path), _find(root, path[:-1])
    end = _line_end(text)
    if isinstance(node, yaml.MappingNode) and node.value and not node.flow_style:
        at, indent = _end_of_line(text, _end(node)), _indent(text, node)
    elif not isinstance(above, yaml.MappingNode) or above.flow_style:
        raise TypeError
    elif node is None:
        at, indent = _end_of_line(text, _end(above)), _indent(text, above) + "  "
        lines = [f"{_indent(text, above)}{path[-1]}:", *(f"{indent}{line}" for line in lines)]
        return text[:at] + end + end.join(lines) + text[at:]
    else:  # `models: {}`, or nothing behind the colon
        before = text[: node.start_mark.index].rstrip(" ")
        text = before + text[node.end_mark.index :]
        at, indent = _end_of_line(text, len(before)), _indent(text, above) + "  "
    return text[:at] + end + end.join(f"{indent}{line}" for line in lines) + text[at:]


def _set(text: str, path: tuple[Step, ...], value: Value) -> str:
    if not isinstance(_find(yaml.compose(text, yaml.SafeLoader), path), yaml.MappingNode):
        return _put(text, path, _flow(value))
    for key, one in value.items():
        text = _put(text, (*path, key), _scalar(one))
    return text


def _put(text: str, path: tuple[Step, ...], written: str) -> str:
    """The text with `written` at `path`: in place of what is there, or after the last of its neighbours."""
    root = yaml.compose(text, yaml.SafeLoader)
    if (node := _find(root, path)) is not None:
        return text[: node.start_mark.index] + written + text[node.end_mark.index :]
    parent, step = _find(root, path[:-1]), path[-1]
    if not isinstance(parent, yaml.MappingNode | yaml.SequenceNode):
        entry = f"[{written}]" if step == 0 else f"{{{step}: {written}}}"
        return _put(text, path[:-1], entry)
    item = written if isinstance(step, int) else f"{step}: {written}"
    if not parent.value:
        at = parent.start_mark.index + 1
        return text[:at] + item + text[at:]
    if parent.flow_style:
        at, column = _end(_last(parent)), parent.start_mark.column + 1
        line = len(text[:at].rpartition("\n")[2]) + len(item) + len(text[at:].partition("\n")[0])
        between = " " if line < _COLUMNS else _line_end(text) + " " * column
        return f"{text[:at]},{between}{item}{text[at:]}"
    at = _end_of_line(text, _end(parent))
    return f"{text[:at]}{_line_end(text)}{_indent(text, parent)}{item}{text[at:]}"


def _end_of_line(text: str, end: int) -> int:
    """Where the line ends in which a value does; the end of a block of text is behind its own line end."""
    found = _LINE_END.search(text, max(end - 1, 0))
    at = found.start() if found else len(text)
    return at - 1 if text[at - 1 : at + 1] == "\r\n" else at


def _line_end(text: str) -> str:
    """As the file has them."""
    found = _LINE_END.search(text)
    return found[0] if found else "\n"


def _indent(text: str, parent: yaml.MappingNode | yaml.SequenceNode) -> str:
    """The indentation of a block's entries, with the dash of a list."""
    if isinstance(parent, yaml.MappingNode):
        return " " * parent.value[0][0].start_mark.column
    first: yaml.Node = parent.value[0]
    line = text[first.start_mark.index - first.start_mark.column : first.start_mark.index]
    return " " * line.rfind("-") + "- "


def _end(node: yaml.Node) -> int:
    """The index at which the node's last value ends; a block's own end mark comes after the comments that follow it."""
    if isinstance(node, yaml.CollectionNode) and node.value and not node.flow_style:
        return _end(_last(node))
    return node.end_mark.index


def _last(node: yaml.CollectionNode) -> yaml.Node:
    return node.value[-1][1] if isinstance(node, yaml.MappingNode) else node.value[-1]


def _find(node: yaml.Node | None, path: tuple[Step, ...]) -> yaml.Node | None:
    for step in path:
        if isinstance(node, yaml.MappingNode):
            node = next((value for key, value in node.value if key.value == step), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            node = node.value[step] if step < len(node.value) else None
        else:
            return None
    return node


def _expected(before: Any, path: tuple[Step, ...], value: Value) -> Any:
    """The data with `value` at `path`. Data of an unexpected kind raises TypeError or makes the comparison fail."""
    if not path:
        there: dict[Any, Any] = {**(before or {})}
        return there | dict(value)
    step, rest = path[0], path[1:]
    if isinstance(step, int):
        items: list[Any] = [*(before or [])]
        return [*items[:step], _expected(items[step] if step < len(items) else {}, rest, value), *items[step + 1 :]]
    entries: dict[Any, Any] = {**(before or {})}
    return entries | {step: _expected(entries.get(step), rest, value)}


def _flow(value: Value) -> str:
    return f"{{{', '.join(f'{key}: {_scalar(one)}' for key, one in value.items())}}}"


def _scalar(value: int | str) -> str:
    return str(value) if isinstance(value, int) else json.dumps(value, ensure_ascii=False)
