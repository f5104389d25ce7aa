"""`make golden`: write the plans of the committed stacks as the tests expect them."""

from tests import stacks
from tests.plan.test_plan import GOLDEN, planned, rendered

if __name__ == "__main__":
    for stack in stacks.NAMES:
        (GOLDEN / f"{stack}.json").write_text(rendered(planned(stack)))
