"""What consumers and gateways notice: the contract before and after, id by id."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from plan.gateway.contract import Contract
from plan.text.show import plain
from plan.verdict.change import STACK
from plan.verdict.diff.difference import differences, value_words
from plan.verdict.preview import Preview

_SAME = ("commit", "quant", "repo", "bytes")  # told as new weights
_VALUE = 60


@dataclass(frozen=True, slots=True)
class Consumers:
    """Ids that come, go or are called otherwise (old -> new), and one line for each other difference.

    `known` is False before the first deployment: then nobody has a contract yet.
    """

    known: bool
    added: tuple[str, ...]
    removed: tuple[str, ...]
    renamed: Mapping[str, str]
    lines: tuple[str, ...]


def compare(preview: Preview, now: Contract) -> Consumers:
    """The contract of the last `up`, as the state has it, and the one of the plan."""
    outputs = [step.old.outputs for step in preview.steps if step.type == STACK]
    then: object = outputs[0].get("contract") if outputs else None
    if not isinstance(then, Mapping):
        return Consumers(False, (), (), {}, ())
    (before, old), (after, new) = _split(cast("Mapping[str, Any]", then)), _split(cast("Mapping[str, Any]", now))
    gone, come = [it for it in old if it not in new], [it for it in new if it not in old]
    renamed = {left: right for left in gone for right in come if _weights(old[left]) == _weights(new[right])}
    return Consumers(
        known=True,
        added=tuple(it for it in come if it not in renamed.values()),
        removed=tuple(it for it in gone if it not in renamed),
        renamed=renamed,
        lines=(*_lines(old, new), *_differences("contract", before, after)),
    )


def _split(contract: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Mapping[str, Any]]]:
    """The contract without its models, and the models by id."""
    listed: object = contract.get("models")
    found = cast("list[object]", listed) if isinstance(listed, list) else []
    entries = [cast("Mapping[str, Any]", it) for it in found if isinstance(it, Mapping)]
    models = {name: it for it in entries if isinstance(name := it.get("id"), str)}
    return {key: value for key, value in contract.items() if key != "models"}, models


def _weights(model: Mapping[str, Any]) -> tuple[object, ...]:
    return tuple(model.get(key) for key in _SAME)


def _lines(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for model_id in new:
        if model_id in old:
            then, now = old[model_id], new[model_id]
            if _weights(then) != _weights(now):
                yield f"{model_id} is served from other weights ({_named(then)} -> {_named(now)})"
            yield from _differences(model_id, *({key: it[key] for key in it if key not in _SAME} for it in (then, now)))


def _named(model: Mapping[str, Any]) -> str:
    repo, quant, commit = (value_words((key,), model.get(key)) for key in ("repo", "quant", "commit"))
    return plain(f"{repo} {quant} {commit[:7]}", _VALUE)


def _differences(whose: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    if found := differences(old, new):
        yield f"{whose}: {', '.join(it.line for it in found)}"
