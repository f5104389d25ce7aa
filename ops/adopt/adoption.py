"""Goes through a llama-swap configuration: a draft of each model that llama-server serves, a reason for each other."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from ops.adopt import checks, swap_keys
from ops.adopt.draft import Draft
from ops.adopt.file_keys import lines_about
from ops.adopt.flags import rows, thinking
from ops.adopt.flags.given import from_variables, given
from ops.adopt.llama_swap.document import SwapFile
from ops.adopt.llama_swap.launch import Launch, launched
from ops.adopt.llama_swap.programs import other
from ops.adopt.turns import Turns, turns
from plan.config.model import ModelId
from plan.text.show import show

_OF_CHATS = (
    "mmproj", "mmproj_file", "image_min_tokens", "max_output_tokens", "variants", "reasoning", "draft", "mtp",
)  # fmt: skip
_ALIKE = 12  # lines with the same reason, before the rest is a number
_LARGEST_IMAGE = 1024  # server.image_max_tokens, unless the stack says more


@dataclass(slots=True)
class Adoption:
    """`drafts` are the models to write; `refused` ids of llama-swap with a reason, `there` those the stack has already.

    `left` are lines about what is no model's, `needless` keys of the file that mean nothing here.
    """

    drafts: list[Draft] = field(default_factory=list[Draft])
    refused: dict[str, str] = field(default_factory=dict[str, str])
    there: list[str] = field(default_factory=list[str])
    left: list[str] = field(default_factory=list[str])
    needless: list[str] = field(default_factory=list[str])

    @property
    def to_fill_in(self) -> list[Draft]:
        return [draft for draft in self.drafts if draft.wants_repo]

    @property
    def ids(self) -> int:
        return len(self.drafts) + len(self.refused) + len(self.there)


def adopt(file: SwapFile, repos: Mapping[str, str], taken: Mapping[ModelId, str]) -> Adoption:
    """What becomes of each model. `repos` are repositories by id; `taken` names of the stack, and what each is."""
    found = Adoption()
    idle_s = {model_id: _idle_s(entry, file.rest) for model_id, entry in file.models.items()}
    groups = turns(file.rest, idle_s, swap_keys.whose_aliases(file.models))
    for swap_id, entry in file.models.items():
        try:
            draft = _draft(swap_id, entry, repos)
            if taken.get(draft.model_id) == checks.AN_ID:
                found.there.append(swap_id)
                continue
            _finish(draft, cast("dict[str, Any]", entry), idle_s[swap_id], groups)
        except ValueError as error:
            found.refused[swap_id] = str(error)
        else:
            found.drafts.append(draft)
    found.refused |= checks.require_one_meaning_per_name(found.drafts, taken)
    about = lines_about(file)
    found.left, found.needless = folded([*groups.left, *about.left]), about.needless
    return found


def folded(lines: Iterable[str]) -> list[str]:
    """The lines `what: why`; of many with the same why the first ones, and how many more there are."""
    alike: dict[str, list[str]] = {}
    for line in lines:
        alike.setdefault(line.rpartition(": ")[2], []).append(line)
    shown: list[str] = []
    for why, found in alike.items():
        shown += found[:_ALIKE]
        shown += [f"{len(found) - _ALIKE} more: {why}"] if len(found) > _ALIKE else []
    return shown


def _draft(swap_id: str, entry: object, repos: Mapping[str, str]) -> Draft:
    """The draft as far as its command says it; raises ValueError where nothing here can serve it."""
    draft = Draft(swap_id, checks.model_id(swap_id), repo=repos.get(swap_id))
    if not isinstance(entry, dict):
        raise ValueError(f"it is {show(entry)}, and no mapping with a command")
    model = cast("dict[str, Any]", entry)
    if not isinstance(command := model.get("cmd"), str):
        raise ValueError("it has no command, so nothing says what serves it")
    launch = launched(command)
    variables = swap_keys.variables([*swap_keys.texts("env", model, draft), *launch.environment], draft)
    if what := other(launch, [f"{name}={value}" for name, value in variables.items()]):
        raise ValueError(f"served by {what}")
    _around(launch, draft)
    draft.context_of_capabilities = swap_keys.context_of(model)
    flags, others = from_variables(variables)
    rows.take([*flags, *given(launch.arguments)], draft)
    swap_keys.take_environment(others, draft)
    return draft


def _around(launch: Launch, draft: Draft) -> None:
    draft.container = launch.container
    draft.left += launch.said
    if launch.container and (options := launch.container.options):
        draft.leave(f"container options {' '.join(options)}", "The pod is the stack's, with the card, volume and port")


def _finish(draft: Draft, model: Mapping[str, Any], idle_s: int, groups: Turns) -> None:
    """What its keys say, and what has to fit together; raises ValueError where it is no model of a stack."""
    swap_keys.take(model, draft)
    aliases = [*swap_keys.texts("aliases", model, draft), *draft.keys.pop("aliases", ())]
    draft.keys["aliases"] = [*dict.fromkeys(aliases)]
    draft.keys |= groups.keys.get(draft.swap_id, {})
    if not re.fullmatch("None|-1|[0-9]{1,9}", said := str(model.get("ttl"))):
        draft.leave(f"ttl {show(said)}", "It is a whole number of seconds")
    if idle_s:
        draft.keys["ttl_s"] = idle_s
    if "resident" in draft.keys:
        draft.keys.pop("ttl_s", None)
    elif "ttl_s" not in draft.keys:
        draft.notes.append("no idle time unloaded it; here `server.ttl_s` does, or `ttl_s` of the model")
    if draft.keys.get("mode", "chat") != "chat":
        for key in (key for key in _OF_CHATS if key in draft.keys):
            draft.leave(f"{key} {show(draft.keys.pop(key))}", f"A model of mode {draft.keys['mode']} answers no chat")
    elif draft.from_hub:
        draft.notes.append("-hf loads a projector where the repository has one: then add its quantization as `mmproj`")
    _smallest_image(draft)
    thinking.settle(draft)
    if draft.args:
        draft.keys["args"] = draft.args
    checks.settle(draft)


def _smallest_image(draft: Draft) -> None:
    tokens = draft.keys.get("image_min_tokens", 0)
    if tokens > _LARGEST_IMAGE:
        draft.leave(f"image_min_tokens {tokens}", f"Images are shrunk to {_LARGEST_IMAGE}: server.image_max_tokens")
    elif tokens and not {"mmproj", "mmproj_file"} & draft.keys.keys():
        draft.leave(f"image_min_tokens {tokens}", "It sees no images without a projector, `mmproj`")
    else:
        return
    del draft.keys["image_min_tokens"]


def _idle_s(entry: object, rest: Mapping[str, Any]) -> int:
    """Seconds after which llama-swap unloads it; 0 where it does not."""
    own = cast("dict[str, Any]", entry).get("ttl") if isinstance(entry, dict) else None
    for said in map(str, (own, rest.get("globalTTL"))):
        if re.fullmatch("[0-9]{1,9}", said):
            return int(said)
    return 0
