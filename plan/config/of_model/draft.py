"""What a model is served with to guess its next tokens, so that it checks several of them in the time of one."""

from collections.abc import Iterator
from typing import Annotated, Self

from pydantic import Field, model_validator

from plan.base.frozen import Frozen, example, wrong
from plan.base.hub_names import Repo, RepositoryPath, Tag
from plan.config.of_model.named_file import require_one_name

# Each is a row of logits more for every slot, and llama-server needs a batch that holds them all.
_MOST = 1024
_BOTH = "mtp drafts with blocks of the model itself, and llama-server drafts with one of the two"
Misfit = tuple[tuple[str, ...], object, str]


class Draft(Frozen, json_schema_extra=example(repo="Qwen/Qwen3-0.6B-GGUF", quant="Q8_0")):
    """A small model of the same vocabulary that drafts tokens for the large one; with `mtp`, how many it drafts."""

    repo: Annotated[Repo | None, Field(description="Its repository at the hub; defaults to the model's own")] = None
    quant: Annotated[
        Tag | None, Field(description="Its quantization, as the file's name has it: Q8_0; a draft has it or `file`")
    ] = None
    file: Annotated[
        RepositoryPath | None, Field(description="Path of its file in that repository, where no `quant` names it alone")
    ] = None
    most: Annotated[
        # The default is llama-server's own (0.5.0, common/common.h); before it was 16.
        int, Field(alias="max", gt=0, le=_MOST, description="Tokens that are drafted at a time, at most")
    ] = 3
    least: Annotated[int, Field(alias="min", ge=0, le=_MOST, description="A draft of fewer tokens is not used")] = 0

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        require_one_name("a draft", self.quant, self.file)
        if self.least > self.most:
            raise wrong(f"min {self.least} is more than max {self.most}: no draft would be used", self.least, "min")
        return self


def misfits(draft: Draft | None, *, mtp: bool, parallel: int, batch_tokens: int) -> Iterator[Misfit]:
    """What of a model's `draft` contradicts its other keys: the path, what is there, and what should be."""
    if draft is None:
        return
    named = next((key for key in ("quant", "file", "repo") if getattr(draft, key) is not None), None)
    if mtp and named:
        yield ("draft", named), getattr(draft, named), f"{_BOTH}: leave `mtp` or this out"
    elif not mtp and named in (None, "repo"):
        rule = "a draft has `quant`, the quantization in its file's name, or `file`, the path of its file"
        yield ("draft", "quant"), None, rule
    if (rows := parallel * (1 + draft.most)) > batch_tokens:
        rule = (
            f"max {draft.most} and the token before them, for {parallel} at a time, are more than batch {batch_tokens}"
        )
        yield ("draft", "max"), draft.most, f"{rule}: {rows} tokens are checked at once"
