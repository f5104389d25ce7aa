"""How people and nodes call a card, and which of the catalogue they mean."""

import difflib
import functools
import re

from plan.catalogue.card import VENDORS
from plan.catalogue.cards import CATALOGUE

LIST = "bin/local-llm fit --card list"
OTHER, NONE = "other", "none"
# What a name may have or lack: the maker, its lines of products, and what NVIDIA's GPU Feature Discovery appends to the
# label nvidia.com/gpu.product of a card that is shared by time.
_OPTIONAL = re.compile("nvidia|geforce|tesla|quadro|graphics|card|gpu|shared")
_AMD = r"amd|radeon|instinct|firepro|vega|rx ?\d{3,4}|mi ?\d{2,3}\w?"
_INTEL = r"intel|arc|battlemage|(a3[18]|a[57][578]|b5[78])0m?"
_OF_OTHERS = re.compile(rf"\b({_AMD}|{_INTEL})\b")
# A slice of a card by MIG, as GPU Feature Discovery labels a node (A100-SXM4-40GB-MIG-1g.5gb), or one of NVIDIA's vGPU
# by the type of its driver's documentation (GRID T4-8Q, NVIDIA A100-1-5C).
_OF_A_CARD = re.compile(r"\b(mig|grid)\b|-\d+[abcq]\b")
_LONGEST = 100  # no name of a card has as many characters
_ALIKE = 0.8  # an H200 is not like an RTX 2060


def named(text: str) -> str | None:
    """The catalogue's name of the card that is called so; None where it has none, or more than one."""
    return _names().get(_key(text)) if len(text) <= _LONGEST else None


def chosen(value: object) -> object:
    """What `gpu.model` means: a name of the catalogue, of VENDORS, OTHER or NONE. Raises ValueError in words.

    What is no text stays as it is.
    """
    if isinstance(value, list | tuple | dict):
        raise ValueError(
            "A stack has one card: for another one write a second stack, with a namespace and a volume of its own and "
            "a `gpu.node.selector` that leads there"
        )
    if not isinstance(value, str):
        return value
    if value.lower() in (*VENDORS, OTHER, NONE):
        return value.lower()
    if found := named(value):
        return found
    raise ValueError(f"no card of that name is built in{advice(value)}")


def advice(text: str) -> str:
    """What to write in place of a name that is not in the catalogue; goes on after it."""
    if _OF_OTHERS.search(text[:_LONGEST].lower()):
        return (
            ": a card of AMD or Intel is `model: amd` or `model: intel` with its figures: "
            "`card: {total_mib: ..., driver_mib: ..., context_mib: ...}`"
        )
    near = close(text)
    hint = ": a slice by MIG or vGPU is a card of its own" if _is_of_a_card(text) else ""
    return (
        f"{': there is ' + ', '.join(near) if near else hint}; `{LIST}` shows all, and `none` is no card. Any other is "
        "`model: other` with its figures: `card: {total_mib: ..., driver_mib: ..., context_mib: ..., "
        "compute_capability: ...}`; the first two are nvidia-smi's memory.total and memory.reserved"
    )


def close(text: str) -> list[str]:
    """The names of the catalogue that go on where it ends; else those that look most like it. Four at most.

    A slice of a card is like none.
    """
    if _is_of_a_card(text):
        return []
    key = _key(text[:_LONGEST])
    longer = sorted({name for known, name in _names().items() if key and known.startswith(key)})
    alike = [_names()[known] for known in difflib.get_close_matches(key, _names(), n=4, cutoff=_ALIKE)]
    return (longer or list(dict.fromkeys(alike)))[:4]


def _is_of_a_card(text: str) -> bool:
    return _OF_A_CARD.search(text[:_LONGEST].lower().replace("_", "-")) is not None


@functools.cache
def _names() -> dict[str, str]:
    """The catalogue's name by each key that a card has, also with its size of memory behind."""
    found: dict[str, str] = {}
    for known in CATALOGUE.values():
        keys = {_key(said) for said in (known.name, known.product, *known.also)}
        for key in keys | {f"{key}{known.gb}gb" for key in keys if "gb" not in key}:
            if found.setdefault(key, known.name) != known.name:
                raise ValueError(f"{key} may be {found[key]} or {known.name}")
    return found


def _key(text: str) -> str:
    """What is left of a name without spaces, signs, case and what people leave out."""
    squeezed = _OPTIONAL.sub("", re.sub(r"[^a-z0-9]", "", text.lower()))
    return re.sub("gib$", "gb", re.sub("^[gr]tx", "", squeezed))
