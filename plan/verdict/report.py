"""The verdict as text: what users notice first, then what cannot be undone; each line begins with what it is about."""

import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from plan.text.show import plain
from plan.verdict.bounds import REPORT, both_ends, cut, few
from plan.verdict.diff.short_diff import GROUPS
from plan.verdict.users.answers import Row
from plan.verdict.users.consumers import Consumers
from plan.verdict.users.restarts import Load, Restart
from plan.verdict.verdict import Verdict
from plan.verdict.weights import Fetched, Weights
from plan.verdict.words import listed, size

NOTHING = "Nothing changes."
_WIDTH, _LABEL = 118, 11
_LINES = 8  # of the contract's differences; the rest is counted
_WORDS = {"create": "created", "update": "updated", "replace": "replaced", "delete": "deleted"}


def report(verdict: Verdict, *, whole: bool = False) -> list[str]:
    """Lines for a terminal or a comment; one where nothing changes. `whole` cuts nothing."""
    if verdict.is_nothing:
        return [NOTHING]
    if verdict.failed or verdict.refused:
        return _refusal(verdict, whole)
    said = [_heading(verdict), *(line for label, said in _rows(verdict, whole) for line in _wrapped(label, said))]
    return said if whole else cut(said, REPORT)


def _refusal(verdict: Verdict, whole: bool) -> list[str]:
    refused = [line for said in few(verdict.refused, whole=whole) for line in _wrapped("refused", said)]
    failed = "\n".join(verdict.failed).splitlines()
    if not whole:
        refused = cut(refused, REPORT // 2)
        failed = both_ends(failed, REPORT - 1 - len(refused))
    return ["This is refused, and nothing is changed.", *refused, *failed]


def _heading(verdict: Verdict) -> str:
    objects = [it for it in verdict.changes if not it.type.startswith(GROUPS)]
    counts = Counter(_WORDS.get(it.how, "otherwise") for it in objects)
    if not objects:
        return "No object changes, only what the stack says of itself."
    return f"{', '.join(f'{count} {word}' for word, count in sorted(counts.items()))}."


def _rows(it: Verdict, whole: bool) -> Iterator[Row]:
    yield from (("for good", said) for said in few(it.for_good, whole=whole))
    yield from _of_server(it)
    others = few((f"{name}; no request goes there" for name in it.other_restarts), whole=whole)
    yield from (("restarts", said) for said in others)
    yield from (("users see", said) for said in _of_users(it.consumers, whole))
    yield from _of_weights(it.weights, it.prune)
    if it.prune_before not in (None, it.prune):
        yield "prune", f"what no model names is {it.prune}; until now it is {it.prune_before}"
    yield from (("others", said) for said in few(it.others, whole=whole))
    if it.runs:
        yield "runs", f"the Job{'s' * bool(it.runs[1:])} {listed(it.runs)}"
    unknown = few((f"{said}: this version has no word for it" for said in it.unknown), whole=whole)
    yield from (("unknown", said) for said in unknown)


def _of_server(it: Verdict) -> Iterator[Row]:
    yield from it.silences
    if it.restart:
        yield from _of_restart(it.restart)
    elif not it.silences:
        yield "restarts", "nothing: every id goes on answering"


def _of_restart(restart: Restart) -> Iterator[Row]:
    yield "restarts", f"the server: its old pod goes first, so no id answers for up to {restart.silent_s} s"
    for resident, when in ((True, "at once"), (False, "when it is first asked for")):
        loads = [load for load in restart.loads if load.resident is resident]
        if loads:
            rate = "" if all(load.measured for load in loads) else f", at volume.read_mib_s {restart.read_mib_s}"
            yield "", f"then each is loaded {when}{rate}: {listed(map(_load, loads))}"


def _load(load: Load) -> str:
    return f"{load.model_id} {load.seconds} s{' (measured)' * load.measured}"


def _of_users(it: Consumers, whole: bool) -> Iterator[str]:
    renamed = (_renamed(old, new, it.answered) for old, new in it.renamed.items())
    yield from few(renamed, "ids that are called otherwise", whole=whole)
    elsewhere = [(name, model_id) for name, model_id in it.answered.items() if name not in it.renamed]
    answered = (f"requests for {name} are answered by {model_id} from now on" for name, model_id in elsewhere)
    yield from few(answered, "names that lead to another model", whole=whole)
    if it.removed:
        yield f"requests for {listed(it.removed)} fail: the id is gone"
    if it.dropped:
        yield f"requests for {listed(it.dropped)} fail: no model has it among its aliases any more"
    if it.added:
        yield f"{listed(it.added)} {'are' if it.added[1:] else 'is'} new"
    yield from few(it.lines, "differences of the contract", whole=whole, most=_LINES)


def _renamed(old: str, new: Sequence[str], answered: Mapping[str, str]) -> str:
    called = f"{old} is called {listed(new) if new[2:] else ' and '.join(new)}"
    if old in answered:
        return f"{called}: requests for the old id are answered too, for it is an alias now"
    who = "one of them" if new[1:] else new[0]
    return f"{called}: requests for the old id fail, unless {who} has it among its aliases"


def _of_weights(it: Weights, prune: str) -> Iterator[Row]:
    if it.fetched:
        yield from _of_fetch(it.fetched)
    if it.adopted:
        yield "fetches", f"nothing for {listed(it.adopted)}: the files are on the volume already"
    if it.unused_bytes:
        yield "unused", f"{_sizes(it.unused, it.unused_bytes)}{f', {prune} (prune.mode)' if prune else ''}"
    if it.unread:
        yield "unknown", f"what {listed(it.unread)} fetched before: this version cannot read it"


def _of_fetch(it: Fetched) -> Iterator[Row]:
    minutes = f", some {it.minutes} minutes at the rate of the last download" if it.minutes else ""
    yield "fetches", f"up to {_sizes(it.models, it.download_bytes)}{minutes}"
    if it.capacity_bytes is None:
        yield "", "whether it fits is not known: the claim exists already, with a size of its own"
        return
    sums = f"{size(it.there_bytes)} there, {size(it.download_bytes)} to come, {size(it.capacity_bytes)} in all"
    if it.lacking_bytes:
        yield "", f"it does NOT fit, {size(it.lacking_bytes)} are missing: {sums}. Enlarge volume.size_gib, or prune"
    else:
        yield "", f"it fits: {sums}"


def _sizes(models: Mapping[str, int], in_all: int) -> str:
    each = {model_id: count for model_id, count in models.items() if count}
    if len(each) == 1:
        return f"{size(in_all)} of {''.join(each)}"
    return f"{size(in_all)}: {listed(f'{model_id} {size(count)}' for model_id, count in each.items())}"


def _wrapped(label: str, said: str) -> list[str]:
    before = f"  {label:<{_LABEL}}"
    return textwrap.wrap(
        plain(said, 10 * _WIDTH),
        _WIDTH,
        initial_indent=before,
        subsequent_indent=" " * len(before),
        break_on_hyphens=False,
    )
