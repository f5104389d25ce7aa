"""The plan that most tests of components declare."""

import pytest

from plan.plan import Plan
from tests.plans import planned


@pytest.fixture
def plan() -> Plan:
    return planned("t4")
