"""YAML from outside, as plain JSON values: limited in size, depth and digits, without a key twice, aliases counted.

libyaml says what stands in the text, one event after another; the values are built here, so that depth and aliases are
counted before anything grows, and every refusal has a line. Without libyaml PyYAML's own parser gives the same events.
"""

from collections.abc import Callable
from typing import Any, Protocol, cast

import yaml

from plan.text import limits
from plan.text.decode import text_of
from plan.text.errors import Source, TextError
from plan.text.show import path as key_path
from plan.text.show import show, words
from plan.text.yaml_nodes import ListNode, MappingNode, Node, RootNode
from plan.text.yaml_scalars import Scalar, plain, tagged

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Parser(Protocol):
    def get_event(self) -> Any: ...


def read_yaml(content: bytes | str, source: Source) -> Any:
    """The value of one document, None for an empty one; raises TextError."""
    text = text_of(content, source)
    if odd := yaml.reader.Reader.NON_PRINTABLE.search(text):
        rule = f"the sign {odd[0]!r} has no place in a text: remove it, or write it escaped in double quotes"
        raise TextError(source, rule, text.count("\n", 0, odd.start()) + 1)
    try:
        return _Builder(_Loader(text), source).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = min(mark.line, text.rstrip().count("\n")) + 1 if mark else 0
        context = f" ({words(str(error.context))})" if error.context else ""
        raise TextError(source, f"this is not YAML: {words(str(error.problem))}{context}", line) from None
    except yaml.YAMLError as error:
        raise TextError(source, f"this is not YAML: {words(str(error))}") from None


class _Builder:
    def __init__(self, parser: _Parser, source: Source) -> None:
        self._parser, self._source = parser, source
        self._open: list[Node] = [RootNode()]
        self._anchors: dict[str, Node | Scalar] = {}
        self._plain: dict[str, Scalar] = {}
        self._count, self._line = 0, 0

    def document(self) -> Any:
        handle: dict[type[object], Callable[[Any], None]] = {
            yaml.ScalarEvent: self._scalar,
            yaml.MappingStartEvent: self._begin,
            yaml.SequenceStartEvent: self._begin,
            yaml.MappingEndEvent: self._end,
            yaml.SequenceEndEvent: self._end,
            yaml.AliasEvent: self._alias,
            yaml.DocumentStartEvent: self._document,
        }
        while not isinstance(event := self._parser.get_event(), yaml.StreamEndEvent):
            kind = cast("type[object]", type(event))
            if action := handle.get(kind):
                self._line = event.start_mark.line + 1
                try:
                    action(event)
                except ValueError as error:
                    raise TextError(self._source, str(error), self._line, self._key()) from None
        return self._open[0].result()

    def _document(self, _: Any) -> None:
        if self._open[0].count:
            raise ValueError("a second document begins here: keep one")

    def _scalar(self, event: Any) -> None:
        value: Scalar = event.value
        if not event.value.isascii():
            _require_whole(event.value)
        if event.tag not in (None, "!"):
            value = tagged(event.tag, event.value)
        elif event.implicit[0]:
            if event.value in self._plain:
                value = self._plain[event.value]
            else:
                value = self._plain[event.value] = plain(event.value)
        self._add(value, is_plain=event.implicit[0])
        if event.anchor:
            self._anchors[event.anchor] = value

    def _begin(self, event: Any) -> None:
        if len(self._open) > limits.DEPTH:
            raise ValueError(f"it is nested more than {limits.DEPTH} levels deep")
        kind, made = ("map", MappingNode) if isinstance(event, yaml.MappingStartEvent) else ("seq", ListNode)
        if event.tag not in (None, "!", f"tag:yaml.org,2002:{kind}"):
            raise ValueError(f"the tag {show(event.tag)} has no place here: remove it")
        self._open.append(made(self._count))
        if event.anchor:
            self._anchors[event.anchor] = self._open[-1]

    def _end(self, _: Any) -> None:
        node = self._open.pop()
        node.close(self._count)
        self._open[-1].height = max(self._open[-1].height, node.height + 1)
        self._add(node.result())

    def _alias(self, event: Any) -> None:
        if event.anchor not in self._anchors:
            raise ValueError(f"there is no anchor &{words(event.anchor)} before this")
        target = self._anchors[event.anchor]
        if not isinstance(target, Node):
            return self._add(target)
        if not target.closed:
            raise ValueError(f"*{words(event.anchor)} is within itself, so it never ends")
        if len(self._open) + target.height > limits.DEPTH:
            raise ValueError(f"with *{words(event.anchor)} it is nested more than {limits.DEPTH} levels deep")
        self._counted(target.size)
        self._open[-1].height = max(self._open[-1].height, target.height + 1)
        return self._add(target.copy())

    def _add(self, value: Any, *, is_plain: bool = False) -> None:
        node = self._open[-1]
        self._counted(1)
        if node.wants_key:
            node.take_key(value, self._line, is_plain=is_plain)
        else:
            node.add(value)

    def _counted(self, size: int) -> None:
        self._count += size
        if self._count > limits.NODES:
            raise ValueError(f"it has more than {limits.NODES} values, those that aliases repeat counted each time")

    def _key(self) -> str:
        return key_path(step for node in self._open if (step := node.step()))


def _require_whole(text: str) -> None:
    """Raise ValueError for half of a surrogate pair, which PyYAML's own parser lets pass when it is escaped."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{show(text)} has half of a surrogate pair") from None
