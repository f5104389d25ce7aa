"""What a message advises to write into the stack file makes the message go away."""

import copy

import pytest

from plan.base.errors import ConfigError
from tests import stacks
from tests.plan.advice import FOLLOWED, Advice
from tests.plans import made


@pytest.mark.parametrize(
    "advice", [advice for advices in FOLLOWED.values() for advice in advices], ids=lambda advice: advice.says
)
def test_what_a_message_advises_is_accepted_when_it_is_followed(advice: Advice) -> None:
    raw = stacks.raw("t4")
    wrong, right = copy.deepcopy(raw), copy.deepcopy(raw)
    advice.wrong(wrong)
    with pytest.raises(ConfigError) as caught:
        made(wrong, advice.lock())
    assert advice.says in str(caught.value)

    advice.right(right)

    assert made(right, advice.lock())
