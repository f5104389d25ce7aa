"""`ops fit --gguf`: how much GPU memory any model would take, computed from the headers of its files."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ops.allocator import program
from ops.allocator.measure import Way, measure
from ops.allocator.program import Program
from ops.allocator.question import AllocatorError, HeaderFile
from ops.base.errors import OpsError
from ops.base.waiting import waiting
from ops.fit import cards, gguf_source
from ops.fit.as_json import of_model
from ops.fit.gguf_source import GgufFile
from ops.gguf import facts as gguf_facts
from ops.gguf import header
from ops.gguf.header import Header, HeaderError
from plan import config
from plan.card.card_notes import card_notes
from plan.catalogue.card import Card
from plan.engine.flags import MODES, words
from plan.models import agreement
from plan.models.abilities import header_mode
from plan.models.gguf_facts import GgufFacts, Shape
from plan.text.show import plain
from plan.vram.estimate import Breakdown, Serving, VramError, estimate
from plan.vram.largest_context import largest_context

_PATIENCE_S = 15.0


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asks about: files, how they are served (`request_tokens` in every slot), and a card."""

    model: str
    mmproj: str | None
    request_tokens: int
    serving: Serving
    card: str


def wish(model: str, mmproj: str | None, context: int | None, serving: Serving, card: str) -> Wish:
    """`context` are the tokens of one request; raises OpsError where a person named none."""
    if context is None:
        raise OpsError("--gguf needs --context", "pass the tokens of one request; the cache grows with them")
    total = config.total_tokens(context, serving.parallel)
    return Wish(model, mmproj, context, replace(serving, total_tokens=total), card)


def run(wish: Wish, *, as_json: bool) -> bool:
    """Show the model and return whether it fits on the card alone; raises OpsError for what cannot be computed."""
    card, llama_server = cards.named(wish.card), program.find()
    models = gguf_source.sources(wish.model)
    projectors = gguf_source.sources(wish.mmproj)[:1] if wish.mmproj else []
    headers = [_header(source) for source in models]
    facts, note = _facts(models, headers, projectors), ""
    _require_experts(wish, facts, models[0].name)
    sizes = {"model": _bytes(models), **({"mmproj": _bytes(projectors)} if projectors else {})}

    def at(request_tokens: int) -> Breakdown:
        total = config.total_tokens(request_tokens, wish.serving.parallel)
        return estimate(facts, sizes, replace(_serving(wish, facts.shape), total_tokens=total), card)

    if not _is_hopeless(at, wish, card):
        facts, note = _asked(llama_server, wish, models, headers, facts)
    try:
        breakdown = at(wish.request_tokens)
    except VramError as error:
        what = f"{models[0].name}: {error}{f'. {note}'.removesuffix('.') if note else ''}"
        raise OpsError(what, "measure it, and declare what was measured in a stack") from None
    trained = facts.shape.context_length or wish.request_tokens
    said = _said(wish, facts, breakdown, card)
    said["notes"] += [note] if note else []
    said["largest_context"] = largest_context(at, card.capacity_mib, trained)
    said["notes"] += card_notes(card, {"": breakdown})
    if wish.request_tokens > trained:
        said["notes"].append(f"It was trained for {trained} tokens; beyond that it answers nonsense.")
    if as_json:
        print(json.dumps(said, indent=2))
    else:
        _show(said, breakdown, card)
    return said["fits"]


def _is_hopeless(at: Callable[[int], Breakdown], wish: Wish, card: Card) -> bool:
    """Whether weights and cache alone, which are exact, are more than the card: a graph of so much takes minutes."""
    try:
        found = at(wish.request_tokens)
    except VramError:
        return False
    return found.weights_mib + found.kv_mib + found.state_mib > card.capacity_mib


def _bytes(sources: Sequence[GgufFile]) -> int:
    return sum(source.size_bytes for source in sources)


def _facts(models: Sequence[GgufFile], headers: Sequence[Header], projectors: Sequence[GgufFile]) -> GgufFacts:
    projector = next((_header(source) for source in projectors), None)
    try:
        found = gguf_facts.facts(headers, projector)
    except HeaderError as error:
        raise OpsError(f"{models[0].name} is not a usable GGUF file: {error}", "name another file") from None
    for fault in agreement.projector_faults(found):
        what = f"{projectors[0].name} hands the model {fault.got} numbers a token, and {fault.rule[:1].lower()}"
        raise OpsError(f"{what}{fault.rule[1:]}", "name the projector of this model")
    return found


def _require_experts(wish: Wish, facts: GgufFacts, name: str) -> None:
    if wish.serving.expert_layers and not (facts.weights and facts.weights.expert_bytes):
        raise OpsError(f"{name} has no experts that could stay off the card", "leave --cpu-moe out")


def _serving(wish: Wish, shape: Shape) -> Serving:
    return replace(wish.serving, embeds=header_mode(shape) is not None)


def _asked(
    llama_server: Program | None, wish: Wish, models: Sequence[GgufFile], headers: Sequence[Header], facts: GgufFacts
) -> tuple[GgufFacts, str]:
    """The facts with figures of llama.cpp's allocator, where one can be asked; a note where it does not tell them."""
    if llama_server is None:
        return facts, ""
    count = len(models)
    names = ["model.gguf"] if count == 1 else [f"model-{at:05d}-of-{count:05d}.gguf" for at in range(1, count + 1)]
    files = [
        HeaderFile(name, header.content, source.size_bytes)
        for name, header, source in zip(names, headers, models, strict=True)
    ]
    flags = tuple(words(MODES[header_mode(facts.shape) or "chat"]))
    way = Way(_serving(wish, facts.shape), (wish.request_tokens,), flags)
    try:
        with waiting("llama.cpp's allocator", first_s=_PATIENCE_S):
            allocator = measure(llama_server, files, headers[0], facts.shape, [way])
    except AllocatorError as error:
        return facts, f"llama.cpp's allocator did not tell it: {error}."
    return facts.model_copy(update={"allocator": allocator}), ""


def _header(source: GgufFile) -> Header:
    try:
        return header.read_header(source.read, source.size_bytes)
    except HeaderError as error:
        raise OpsError(f"{source.name} is not a usable GGUF file: {error}", "name another file") from None


def _said(wish: Wish, facts: GgufFacts, breakdown: Breakdown, card: Card) -> dict[str, Any]:
    return {
        "model": plain(wish.model.split("?")[0].rsplit("/", 1)[-1]),
        "architecture": plain(facts.shape.architecture),
        "mode": header_mode(facts.shape) or "chat",
        "context": wish.request_tokens,
        "kv_type": wish.serving.kv_type,
        "parallel": wish.serving.parallel,
        "card": {"name": card.name, "capacity_mib": card.capacity_mib, "bounded": card.bounded},
        "fits": breakdown.upper_mib <= card.capacity_mib,
        **of_model(breakdown),
    }


def _show(said: dict[str, Any], breakdown: Breakdown, card: Card) -> None:
    from rich.text import Text

    from ops.base.terminal import console
    from ops.fit.terminal import show_model

    out = console()
    left = card.capacity_mib - breakdown.upper_mib
    verdict = f"{left:.0f} MiB stay free" if said["fits"] else f"{-left:.0f} MiB too much"
    how = "fits" if said["fits"] else "does not fit"
    style = "bold green" if said["fits"] else "bold red"
    out.print(Text(f"{how} alone on a {card.name} with {card.capacity_mib} MiB: {verdict}", style), soft_wrap=True)
    most = f"{said['largest_context']} would fit" if said["largest_context"] else "none would fit"
    text = Text(f"{said['model']}  ", "bold").append(
        f"{breakdown.total_mib:.0f} MiB, at most {breakdown.upper_mib:.0f} ({breakdown.source}); "
        f"{said['architecture']}{'' if said['mode'] == 'chat' else ', ' + said['mode']}, "
        f"context {said['context']}, {most}",
        "default",
    )
    show_model(out, text, breakdown, card.capacity_mib, said["notes"])
