"""What `bin/local-llm verify` asks a model, and how it knows that the answer is right."""

from typing import Annotated

from pydantic import Field

from plan.base.frozen import Frozen, example


class ExpectedAnswer(Frozen, json_schema_extra=example(prompt="What is 2+2?", expect="4")):
    """A prompt and a text that the answer contains, case aside; a base model continues the prompt."""

    prompt: Annotated[str, Field(min_length=1, max_length=4096, description="What is asked")]
    expect: Annotated[
        str, Field(min_length=1, max_length=1024, description="A text that the answer contains, case aside")
    ]
