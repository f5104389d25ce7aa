"""What several directories of tests share: the recorder, what runs side by side, how hypothesis looks for examples."""

import atexit
import gc
import logging
import signal
from collections.abc import Iterator

import hypothesis
import pulumi
import pytest
from xdist.remote import Producer

from ops.render.recorder import Recorder
from tests import groups
from tests.soak import EXAMPLES
from tests.stacks import CLUSTER_ID

# No deadline: an example's time is the machine's affair.
hypothesis.settings.register_profile("local-llm", max_examples=EXAMPLES, deadline=None)
hypothesis.settings.load_profile("local-llm")

# A run that a script starts in the background ignores Ctrl-C, and with it would every program that a test starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A program that a test makes fail leaves futures that Pulumi does not await. They are told when the process ends, each
# with a traceback, unless their logger has a handler; pytest shows them with the test that failed all the same.
logging.getLogger("asyncio").addHandler(logging.NullHandler())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: groups.place_of(item.nodeid))


@pytest.hookimpl(optionalhook=True)  # there is no such hook where pytest-xdist is switched off
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> groups.Groups:
    return groups.Groups(config, log)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Numbers that a test recorded as `shown`, passed or not: a run on several workers prints nothing else of it."""
    for report in [*terminalreporter.stats.get("passed", []), *terminalreporter.stats.get("failed", [])]:
        for name, value in report.user_properties:
            if name == "shown":
                terminalreporter.write_line(str(value))


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
