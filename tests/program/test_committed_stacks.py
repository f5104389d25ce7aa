"""The operator's stacks and the lock, as committed: they parse, plan and render, and golden files show the results.

Besides these, tests/engine/test_stacks.py and test_commands.py run prod and local on the played cluster, and
tests/cluster runs dev on the embedded machine. No other test reads them.
"""

import pytest

from plan import config
from plan.models import lock
from tests import committed, golden

AGAIN = "run `make golden` and read the diff"


@pytest.mark.parametrize("stack", committed.NAMES)
def test_each_stack_file_names_its_schema_and_parses(stack: str) -> None:
    first = (committed.ROOT / f"Pulumi.{stack}.yaml").read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=./stack.schema.json"
    assert config.parse(committed.raw(stack)).models


def test_the_lock_is_as_the_writer_would_write_it() -> None:
    text = (committed.ROOT / "models.lock.yaml").read_text()
    assert lock.dump(lock.load(text)) == text


@pytest.mark.parametrize("stack", committed.NAMES)
def test_what_the_plan_of_each_stack_decides_beyond_its_manifests_is_golden(stack: str) -> None:
    assert golden.summary(stack) == (golden.PLANS / f"{stack}.json").read_text(), AGAIN


@pytest.mark.usefixtures("recorder")
@pytest.mark.parametrize("stack", committed.NAMES)
def test_the_manifests_of_each_stack_are_the_golden_ones(stack: str) -> None:
    wanted, found = golden.there(golden.MANIFESTS / stack), golden.manifests(stack)

    assert found.keys() == wanted.keys(), AGAIN
    for path, text in found.items():
        assert text == wanted[path], f"{path}: {AGAIN}"


def test_no_golden_file_is_of_a_stack_that_is_gone() -> None:
    named = {path.name for path in golden.MANIFESTS.iterdir()} | {path.stem for path in golden.PLANS.glob("*.json")}
    assert named == set(committed.NAMES), AGAIN
