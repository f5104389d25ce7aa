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
    """Ids that come, go or are called otherwise (old -> each new one), and one line for each other difference.

    An id may be gone and its requests still be answered: `answered` has the model that such a name leads to now,
    where it led to another before. `dropped` are aliases that lead nowhere any more. `known` is False before the first
    deployment, when no consumer has read a contract.
    """

    known: bool
    added: tuple[str, ...]
    removed: tuple[str, ...]
    renamed: Mapping[str, tuple[str, ...]]
    answered: Mapping[str, str]
    dropped: tuple[str, ...]
    lines: tuple[str, ...]


def compare(preview: Preview, now: Contract) -> Consumers:
    """The contract of the last `up`, as the state has it, and the one of the plan."""
    outputs = [step.old.outputs for step in preview.steps if step.type == STACK]
    then: object = outputs[0].get("contract") if outputs else None
    if not isinstance(then, Mapping):
        return Consumers(False, (), (), {}, {}, (), ())
    (before, old), (after, new) = _split(cast("Mapping[str, Any]", then)), _split(cast("Mapping[str, Any]", now))
    led, leads = _names(old), _names(new)
    renamed = {it: alike for it in old if it not in new and (alike := _renamed(it, old, new, leads))}
    called = {it for alike in renamed.values() for it in alike}
    return Consumers(
        known=True,
        added=tuple(it for it in new if it not in old and it not in called),
        removed=tuple(it for it in old if it not in leads and it not in renamed),
        renamed=renamed,
        answered={
            it: leads[it]
            for it in led
            if it in leads and leads[it] != led[it] and (it in renamed or leads[it] not in renamed.get(led[it], ()))
        },
        dropped=tuple(it for it in led if it not in leads and it not in old),
        lines=(*_lines(old, new), *_differences("contract", before, after)),
    )


def _names(models: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Each name that a request may give, with the id of the model that answers; an id comes before an alias."""
    found: dict[str, str] = {}
    for model_id, model in models.items():
        aliases: object = model.get("aliases")
        listed = cast("list[object]", aliases) if isinstance(aliases, list) else []
        found |= {it: model_id for it in listed if isinstance(it, str)}
    return found | {it: it for it in models}


def _renamed(
    gone: str, old: Mapping[str, Mapping[str, Any]], new: Mapping[str, Mapping[str, Any]], leads: Mapping[str, str]
) -> tuple[str, ...]:
    """The new ids of the same weights: the one that has the old id among its aliases, or else all of them."""
    alike = tuple(it for it in new if it not in old and _weights(old[gone]) == _weights(new[it]))
    if gone in leads:
        return tuple(it for it in alike if it == leads[gone])
    return alike


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
