"""The real CLI, Postgres and API server; kwok plays the nodes. Each test gets a stack and a namespace of its own."""

import re
import shutil
from collections.abc import Iterator

import pytest

from dev.cluster import cluster
from dev.machine import postgres
from dev.machine.instance import Instance
from dev.tools import tools
from tests.engine.played import INSTANCE, Stack, new_stack, remove


@pytest.fixture(scope="package")
def machine() -> Iterator[Instance]:
    cluster.reset(INSTANCE)
    shutil.rmtree(INSTANCE.state, ignore_errors=True)
    try:
        tools.ensure("postgres", "pulumi", "kubernetes")
        postgres.start(INSTANCE, fsync=False)
        cluster.up(INSTANCE, nodes="kwok")
        yield INSTANCE
    finally:
        postgres.stop(INSTANCE)
        cluster.reset(INSTANCE)
        shutil.rmtree(INSTANCE.state, ignore_errors=True)
        INSTANCE.passphrase.unlink(missing_ok=True)


@pytest.fixture
def stack(machine: Instance, request: pytest.FixtureRequest) -> Iterator[Stack]:
    name = "t-" + re.sub(r"[^a-z0-9]+", "-", request.node.name.lower())[-40:].strip("-")
    yield new_stack(machine, name)
    remove(machine, name)
