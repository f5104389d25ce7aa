"""Whether a small model can draft for a large one: llama.cpp compares their vocabularies token by token.

Source: common_speculative_are_compatible in common/speculative.cpp of llama.cpp 0.5.0 (b11312). It refuses a pair there
too, and then serves without drafts and with one line in its log.
"""

from ops.gguf.header import Header, texts
from plan.models.agreement import VOCABULARIES_APART
from plan.text.show import show

_FIRST_COMPARED = 5  # the first tokens are special ones, which families call differently
_SHOWN = 40
# A flag of the tokenizer, and the token that it puts at one end of a text.
_ENDS = (("add_bos_token", "bos_token_id"), ("add_eos_token", "eos_token_id"))


def difference(model: Header, draft: Header) -> str:
    """How the draft's vocabulary differs from the model's, so that llama.cpp takes no drafts of it; "" where it fits.

    What only one of the headers says is not compared: llama.cpp's default depends on the kind of tokenizer.
    """
    ours, theirs = (header.pairs.get("tokenizer.ggml.model") for header in (model, draft))
    if ours != theirs:
        return f"its tokenizer is {show(theirs)}, the model's {show(ours)}"
    for flag, token in _ENDS:
        if why := _at_an_end(model, draft, f"tokenizer.ggml.{flag}", f"tokenizer.ggml.{token}"):
            return why
    mine, other = (texts(header, "tokenizer.ggml.tokens") for header in (model, draft))
    if abs(len(mine) - len(other)) > VOCABULARIES_APART:
        return f"it has {len(other)} tokens, the model {len(mine)}"
    for number, (wanted, got) in enumerate(zip(mine, other, strict=False)):
        if number >= _FIRST_COMPARED and wanted != got:
            return f"its token {number} is {_shown(got)}, the model's {_shown(wanted)}"
    return ""


def _at_an_end(model: Header, draft: Header, flag: str, token: str) -> str:
    for key in (flag, *([token] if model.pairs.get(flag) else [])):
        ours, theirs = model.pairs.get(key), draft.pairs.get(key)
        if None not in (ours, theirs) and ours != theirs:
            return f"its {key} is {show(theirs)}, the model's {show(ours)}"
    return ""


def _shown(token: bytes) -> str:
    return show(token.decode(errors="replace"), _SHOWN)
