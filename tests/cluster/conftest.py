"""The embedded machine of these tests, as one `make up` leaves it."""

from collections.abc import Iterator

import pytest

from dev.machine.instance import Instance
from tests.cluster.embedded import INSTANCE, dev, host, up


@pytest.fixture(scope="package")
def untouched() -> dict[str, str]:
    """The host before the instance is there, nothing of which is left from an earlier run."""
    dev("clean")
    return host()


@pytest.fixture(scope="package")
def machine(untouched: dict[str, str]) -> Iterator[Instance]:  # noqa: ARG001 - the host is described before
    """Nothing stays of it."""
    yield INSTANCE
    done = dev("clean")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not INSTANCE.state.exists()
    INSTANCE.passphrase.unlink(missing_ok=True)  # which `clean` keeps


@pytest.fixture(scope="package")
def output(machine: Instance) -> str:  # noqa: ARG001 - the machine is cleaned before and after
    """What `up` printed; the endpoint answers from then on."""
    return up()
