"""The models as a piece of a stack file: YAML that a person goes on writing, with comments about what is left out."""

import json
import re
import textwrap
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from ops.adopt.adoption import Adoption
from ops.adopt.draft import Draft
from plan.config import Model
from plan.text.show import LINE, plain
from plan.text.yaml_scalars import plain as read_plain

_COLUMNS = 110
_MANY = 3  # models of which the same is said: it is said once, above them all
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*(?::[A-Za-z0-9._/-]+)*")
_ORDER = ["repo", "revision", *(field.alias or name for name, field in Model.model_fields.items())]


def piece(adoption: Adoption, name: str) -> list[str]:
    """The lines below `models:`, without its indentation; `name` is the file's that they are from."""
    common = _common(adoption.drafts)
    lines = [*_head(adoption, name, common)]
    for draft in adoption.drafts:
        lines += _entry(draft, common)
    return lines


def _head(adoption: Adoption, name: str, common: Mapping[str, list[str]]) -> Iterator[str]:
    yield from _comment(f"From llama-swap's {plain(name)}: {counted(adoption)}.", "")
    if adoption.refused:
        yield "# Refused:"
        for swap_id, reason in adoption.refused.items():
            yield from _comment(f"{plain(swap_id)}: {reason}")
    if adoption.left or common:
        yield "# Not carried over, or in another way:"
        for line in adoption.left:
            yield from _comment(line)
        for line, ids in common.items():
            whose = "all" if len(ids) == len(adoption.drafts) else ", ".join(ids)
            yield from _comment(f"{line} [{whose}]")
    flags = dict.fromkeys(it.split(" ")[0] for draft in adoption.drafts for it in draft.anyway)
    if needless := [*flags, *map(plain, adoption.needless)]:
        yield from _comment(f"So for every model here, or without effect: {' '.join(needless)}", "")


def counted(adoption: Adoption) -> str:
    """How many ids there are, and what became of them."""
    parts = [f"{len(adoption.drafts)} written"]
    if adoption.to_fill_in:
        parts.append(f"{len(adoption.to_fill_in)} of them with a repository to fill in")
    if adoption.there:
        parts.append(f"{len(adoption.there)} in the stack already")
    if adoption.refused:
        parts.append(f"{len(adoption.refused)} refused")
    return f"{adoption.ids} id{'s' * (adoption.ids != 1)}, {', '.join(parts)}"


def _common(drafts: Iterable[Draft]) -> dict[str, list[str]]:
    """Lines that are said of many models, and every note, with their ids."""
    whose: defaultdict[str, list[str]] = defaultdict(list)
    notes: set[str] = set()
    for draft in drafts:
        notes |= {*draft.notes}
        for line in dict.fromkeys((*draft.notes, *draft.left)):
            whose[line].append(draft.model_id)
    return {line: ids for line, ids in whose.items() if line in notes or len(ids) >= _MANY}


def _entry(draft: Draft, common: Mapping[str, list[str]]) -> Iterator[str]:
    yield f"{scalar(draft.model_id)}:{_beside(draft, 'id')}"
    own = [line for line in dict.fromkeys(draft.left) if line not in common]
    if own:
        yield "  # Not carried over, or in another way:"
        for line in own:
            yield from (f"  {it}" for it in _comment(line))
    for key in sorted(draft.keys, key=_ORDER.index):
        value = draft.keys[key]
        if isinstance(value, dict):
            yield f"  {key}:"
            for name, one in sorted(cast("dict[str, Any]", value).items()):
                yield f"    {scalar(name)}: {scalar(one)}{_beside(draft, name if key == 'args' else f'{key}.{name}')}"
        elif isinstance(value, list):
            yield f"  {key}: [{', '.join(map(scalar, cast('list[Any]', value)))}]"
        else:
            yield f"  {key}: {scalar(value)}{_beside(draft, key)}"


def _beside(draft: Draft, key: str) -> str:
    remark = draft.remarks.get(key)
    return f" # {plain(remark, LINE)}" if remark else ""


def _comment(text: str, bullet: str = "- ") -> Iterator[str]:
    lines = textwrap.wrap(plain(text, LINE), _COLUMNS, break_long_words=False, break_on_hyphens=False)
    for number, line in enumerate(lines):
        yield f"# {bullet if not number else ' ' * len(bullet)}{line}"


def scalar(value: object) -> str:
    """One value on its line: without quotes where YAML 1.1 and 1.2 alike read the text as itself."""
    if not isinstance(value, str):
        return json.dumps(value)
    if _PLAIN.fullmatch(value) and read_as_text(value):
        return value
    if '"' in value and "'" not in value and value.isprintable():
        return f"'{value}'"
    return "".join(
        sign if sign.isprintable() else f"\\U{ord(sign):08x}" for sign in json.dumps(value, ensure_ascii=False)
    )


def read_as_text(value: str) -> bool:
    """Whether YAML takes it, without quotes, for nothing but this text."""
    try:
        return read_plain(value) == value and not re.fullmatch(r"0o?\d+|[0-9.]+(?:e[0-9]+)?", value)
    except ValueError:
        return False
