"""llama-swap's matrix: which models may be loaded together, as groups of models that take turns.

Each of its sets is an expression of ids, `&`, `|`, brackets and `+name` of another set (v250, internal/matrix). Two
models that no set has together take turns, and so do all that such pairs lead to. One of each group may then be loaded
at a time, which is right where the sets allow every such choice; else all models take turns, which every set allows.
"""

import itertools
import re
from collections.abc import Collection, Iterator, Mapping

Choices = frozenset[frozenset[str]]
_WORD = re.compile(r"\s*(?:([&|()])|(\+?[^\s&|()]+))")
_MOST, _DEEPEST, _LONGEST = 1024, 32, 4096


class _Reader:
    """Expands one expression; raises ValueError where it is none, or has more choices than anybody means."""

    def __init__(self, sets: Mapping[str, str], names: Mapping[str, str], ids: Collection[str]) -> None:
        self._sets, self._names, self._ids = sets, names, ids
        self._words: list[str] = []
        self._read: dict[str, Choices | None] = {}

    def choices(self, name: str) -> Choices:
        """Those of a set; None stands for one that is being read."""
        if name not in self._read:
            self._read[name] = None
            self._read[name] = self._expanded(self._sets[name])
        if (found := self._read[name]) is None:
            raise ValueError(f"the set {name} is within itself")
        return found

    def _expanded(self, text: str) -> Choices:
        if len(text) > _LONGEST:
            raise ValueError(f"an expression has more than {_LONGEST} characters")
        outer, self._words = self._words, [sign or name for sign, name in _WORD.findall(text)][::-1]
        found = self._alternatives(0)
        if self._words:
            raise ValueError(f"{self._words[-1]} has no place there")
        self._words = outer
        return found

    def _alternatives(self, depth: int) -> Choices:
        found = self._together(depth)
        while self._words and self._words[-1] == "|":
            self._words.pop()
            found |= self._together(depth)
        return _bounded(found)

    def _together(self, depth: int) -> Choices:
        found = self._one(depth)
        while self._words and self._words[-1] == "&":
            self._words.pop()
            more = self._one(depth)
            if len(found) * len(more) > _MOST:
                raise ValueError(f"it has more than {_MOST} choices")
            found = frozenset(a | b for a in found for b in more)
        return found

    def _one(self, depth: int) -> Choices:
        if not self._words or depth > _DEEPEST:
            raise ValueError("a model is missing in it")
        word = self._words.pop()
        if word == "(":
            found = self._alternatives(depth + 1)
            if not self._words or self._words.pop() != ")":
                raise ValueError("a bracket is never closed")
            return found
        if word.startswith("+") and word[1:] in self._sets:
            return self.choices(word[1:])
        model_id = self._names.get(word, word)
        if model_id not in self._ids:
            raise ValueError(f"{word} is no model")
        return frozenset({frozenset({model_id})})


def _bounded(found: Choices) -> Choices:
    if len(found) > _MOST:
        raise ValueError(f"it has more than {_MOST} choices")
    return found


def groups(sets: Mapping[str, str], names: Mapping[str, str], ids: Collection[str]) -> list[list[str]]:
    """The ids in groups that take turns, the largest first; one group with all where nothing better is right.

    Raises ValueError for an expression that llama-swap would refuse.
    """
    reader = _Reader(sets, names, ids)
    allowed = _bounded(frozenset(choice for name in sets for choice in reader.choices(name)))
    found = sorted(_taking_turns(allowed, sorted(ids)), key=lambda group: (-len(group), group))
    choices = 1
    for group in found:
        choices *= len(group)
    picks = map(frozenset, itertools.product(*found)) if choices <= _MOST else [frozenset(ids)]
    is_right = all(any(pick <= whole for whole in allowed) for pick in picks)
    return found if is_right else [sorted(ids)]


def _taking_turns(allowed: Choices, ids: list[str]) -> Iterator[list[str]]:
    """Groups that no pair leads out of which no set has together."""
    beside = {model_id: {other for whole in allowed if model_id in whole for other in whole} for model_id in ids}
    left = set(ids)
    while left:
        group, rest = set[str](), {min(left)}
        while rest:
            model_id = rest.pop()
            group.add(model_id)
            rest |= left - beside[model_id] - group - {model_id}
        left -= group
        yield sorted(group)
