"""A stack's plan and one look at a cluster, for the tests of this directory."""

from collections.abc import Mapping
from typing import Any

import pytest

from plan.base.errors import ConfigError
from plan.live.kubectl_answer import Answer
from plan.live.look import Look, judge
from tests import stacks
from tests.plans import made


def look(answer: str, refused: Mapping[str, str] | None = None, stack: str = "t4", **changes: Any) -> Look:
    """What the stack, with other keys of the first level, makes of an answer of kubectl."""
    return judge(made({**stacks.raw(stack), **changes}).expected, Answer(answer, refused or {}))


def refusal(answer: str, stack: str = "t4", **changes: Any) -> str:
    """The text of the refusal that there has to be."""
    with pytest.raises(ConfigError) as caught:
        look(answer, stack=stack, **changes)
    return str(caught.value)
