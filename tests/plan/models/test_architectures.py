"""An architecture is one row: what is added has a build to refuse older images by, and shapes for the oracle."""

from plan.models.architectures import ALWAYS, ARCHITECTURES, COMPUTED
from tests.oracle.known import KNOWN

OLDER_THAN_OUR_FLAGS = {"granite", "llama", "qwen2"}


def test_an_architecture_has_a_first_build_unless_every_image_loads_it() -> None:
    without = {name for name, row in ARCHITECTURES.items() if row.first_build == ALWAYS}
    assert without == OLDER_THAN_OUR_FLAGS, "name the first llama.cpp build that loads the architecture"


def test_an_architecture_whose_memory_is_computed_is_compared_with_llama_cpp() -> None:
    assert {*COMPUTED} == {model.architecture for model in KNOWN.values()}, "add its shapes to tests/oracle/known.py"
