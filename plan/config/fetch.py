"""How the locked files come into the cluster: from where, by which image, and with which token."""

from typing import Annotated, Literal

from pydantic import Field

from plan.base.frozen import Frozen
from plan.base.names import Name
from plan.config.parts import Image


class SecretKey(Frozen):
    """An entry of a Secret that exists in the stack's namespace; never its content."""

    name: Annotated[Name, Field(description="The Secret's name")]
    key: Annotated[str, Field(pattern=r"^[\w.-]+$", description="The key of its entry")]


class Fetch(Frozen):
    """How the locked files are downloaded. `image` has Python 3.11 or newer and runs the gate too."""

    image: Annotated[Image, Field(description="Image with Python 3.11 or newer, by digest")]
    endpoint: Annotated[str, Field(pattern=r"^https?://[^/\s@]+$", description="Address of the hub")] = (
        "https://huggingface.co"
    )
    deadline_s: Annotated[
        Annotated[int, Field(ge=10, description="A Job not complete by then has failed")] | None,
        Field(
            description="A Job not complete by then has failed; defaults to what all locked bytes take on a slow line"
        ),
    ] = None
    verify: Annotated[
        Literal["receipt", "always"],
        Field(description="always: a Job hashes again what is there; a change runs the Jobs"),
    ] = "receipt"
    slots: Annotated[int, Field(ge=0, description="How many models download at a time; 0: any number")] = 2
    token_secret: Annotated[SecretKey | None, Field(description="Where the hub's token for gated models lies")] = None
