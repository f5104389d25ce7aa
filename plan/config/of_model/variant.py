"""A model under another name, with parameters that a request would otherwise have to name: one load, several ids."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from plan.base.frozen import Frozen, example, wrong
from plan.config.numbers import Tokens
from plan.kubernetes.limits import INT32_MAX


def not_yaml_boolean(value: object) -> object:
    """YAML 1.1 readers turn an unquoted `off` into a boolean."""
    return {False: "off", True: "on"}.get(value, value) if isinstance(value, bool) else value


def number(least: float, most: float, description: str) -> object:
    return Field(ge=least, le=most, allow_inf_nan=False, description=description)


Number = float | None
OnOff = Annotated[Literal["off", "on"], BeforeValidator(not_yaml_boolean)]


# What requests call it; of two that differ, another than max_tokens would count.
_LONGEST = ("max_tokens", "max_completion_tokens", "max_output_tokens", "n_predict")


class Variant(Frozen, json_schema_extra=example(temperature=1.0, reasoning="on")):
    """Parameters of requests for this name; they replace what the request says of them.

    Ranges are those of OpenAI's API where it has the parameter, else llama-server's.
    """

    temperature: Annotated[Number, number(0, 2, "Randomness")] = None
    top_p: Annotated[Number, number(0, 1, "Share of the likeliest tokens that is drawn from")] = None
    top_k: Annotated[int | None, Field(ge=0, le=INT32_MAX, description="Likeliest tokens drawn from; 0 is all")] = None
    min_p: Annotated[Number, number(0, 1, "Least share of the likeliest token's probability")] = None
    presence_penalty: Annotated[Number, number(-2, 2, "Against tokens that are there already")] = None
    frequency_penalty: Annotated[Number, number(-2, 2, "Against tokens by how often they are there")] = None
    repeat_penalty: Annotated[
        Number, Field(gt=0, le=10, allow_inf_nan=False, description="Against repetition; 1 is none")
    ] = None
    seed: Annotated[int | None, Field(ge=0, le=INT32_MAX, description="Seed of the random numbers")] = None
    max_tokens: Annotated[
        Tokens | None, Field(description="Longest answer; a number in the request does not count")
    ] = None
    reasoning: Annotated[OnOff | None, Field(description="Whether it thinks; on needs the model's bound in `args`")] = (
        None
    )
    reasoning_effort: Annotated[
        Literal["minimal", "low", "medium", "high", "xhigh", "max"] | None,
        Field(description="How much it thinks, for a chat template that reads it"),
    ] = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_dump(exclude_none=True):
            rule = "a variant sets a parameter, like `temperature`; a mere other name is one of `aliases`"
            raise wrong(rule, None, "temperature")
        return self

    @property
    def parameters(self) -> dict[str, object]:
        """As llama-swap sets them in requests to llama-server (0.5.0, tools/server/server-common.cpp).

        A dot leads into an object, so that what else a request tells its template stays (llama-swap v250, by sjson).
        """
        said = self.model_dump(exclude_none=True)
        if (reasoning := said.pop("reasoning", None)) is not None:
            said["chat_template_kwargs.enable_thinking"] = reasoning == "on"
        if (tokens := said.pop("max_tokens", None)) is not None:
            said |= dict.fromkeys(_LONGEST, tokens)
        return said


def too_long(variants: Mapping[str, Variant], longest: int) -> Iterator[tuple[tuple[str, ...], object, str]]:
    """Each variant with longer answers than the model's: the path, what is there, and what should be."""
    for name, variant in variants.items():
        if (answer := variant.max_tokens) is not None and answer > longest:
            rule = f"max_tokens {answer} is more than {longest}, the model's max_output_tokens or else its context"
            yield ("variants", name, "max_tokens"), answer, rule
