"""The command that a message names makes the message go away, when a person runs it as it stands there."""

from collections.abc import Callable

import pytest

from tests.ops.advice import FOLLOWED
from tests.ops.desk import Desk


@pytest.mark.parametrize(
    "happen", [happen for each in FOLLOWED.values() for happen in each], ids=lambda happen: happen.__name__
)
def test_the_command_that_a_message_names_mends_it(desk: Desk, happen: Callable[[Desk], None]) -> None:
    happen(desk)
