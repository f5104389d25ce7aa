"""Names and values of llama-server's flags, as a stack file has them below `args`."""

import math
from typing import Annotated, Literal

from pydantic import PlainValidator

from plan.base.text_rule import TextRule

_LARGEST = 2**63 - 1
# Chat templates have up to some 20000 characters. What all flags of a model may take: plan/kubernetes/arguments.py.
_LONGEST = 2**15


def _scalar(value: object) -> object:
    if not isinstance(value, bool | int | float | str) or (isinstance(value, float) and not math.isfinite(value)):
        raise ValueError("a flag has a text, a number or true")
    if isinstance(value, int) and abs(value) > _LARGEST:
        raise ValueError(f"no flag takes a number beyond {_LARGEST}")
    if isinstance(value, str) and len(value) > _LONGEST:
        raise ValueError(f"the value of a flag has {_LONGEST} characters at most, this one has {len(value)}")
    return value


ArgName = Annotated[
    str, TextRule(r"[\w-]+", "a flag is a long name of llama-server's --help, without dashes before it", 64)
]
# Validated by hand: a union's members would each add a line to the error.
ArgValue = Annotated[
    bool | int | float | str, PlainValidator(_scalar, json_schema_input_type=Literal[True] | int | float | str)
]
