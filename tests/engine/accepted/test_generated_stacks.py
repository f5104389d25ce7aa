"""What plan/ accepts, a real API server accepts: asked with stacks that nobody wrote."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from ops.render.recorder import Recorder
from tests import recorded
from tests.engine.accepted.dry_run import ApiServer
from tests.generated_stacks import Generated, generated
from tests.soak import SOAK

STACKS = 3000 if SOAK else 100


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("generated")


# A refusal names file, field and value, so no smaller stack is searched for, which takes minutes.
@settings(
    max_examples=STACKS, suppress_health_check=list(HealthCheck), phases=(Phase.explicit, Phase.reuse, Phase.generate)
)
@given(generated())
def test_whatever_plan_accepts_the_api_server_accepts(
    server: ApiServer, checkout: Path, recorder: Recorder, stack: Generated
) -> None:
    del recorder  # it cleans up after the programs
    rendered = recorded.render(stack.raw, "generated", stack.program_in(checkout))

    refused = {
        path: said
        for path, text in rendered.items()
        if path.endswith(".yaml") and (said := server.refusal_of_apply(text))
    }

    assert refused == {}
