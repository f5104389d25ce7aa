"""An answer in JSON as a model that says which keys are needed: what is read of it is there, and of the right type."""

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from plan.text.errors import Source, TextError, in_words, steps
from plan.text.json_reader import read_json
from plan.text.show import path, show

Read = TypeVar("Read", bound=BaseModel)


def read_model(content: bytes | str, source: Source, model: type[Read]) -> Read:
    """The answer as `model`; raises TextError with the first key that is missing or has another type."""
    value = read_json(content, source)
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        key = path(steps(first))
        wrong = f"got {show(first['input'])}; {in_words(first, 'it has to be')}"
        rule = "the key is missing" if first["type"] == "missing" else wrong
        raise TextError(source, rule, key=key) from None
    except UnicodeEncodeError as error:  # pydantic encodes keys
        raise TextError(source, f"{show(error.object)} has half of a surrogate pair") from None
