"""What several directories of tests share: the recorder, and how hypothesis looks for examples."""

import atexit
import gc
from collections.abc import Iterator

import hypothesis
import pulumi
import pytest

from ops.render.recorder import Recorder
from tests.stacks import CLUSTER_ID

# No deadline: an example's time is the machine's affair.
hypothesis.settings.register_profile("local-llm", max_examples=40, deadline=None)
hypothesis.settings.load_profile("local-llm")


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder(CLUSTER_ID)
    debug = pulumi.log.debug
    recorder.install()
    yield recorder
    pulumi.runtime.set_all_config({})
    pulumi.log.debug = debug  # what components.runtime switches off is for the program's own process
    atexit.unregister(gc.freeze)
    gc.enable()
