"""Machines that run side by side have ports of their own: an instance's come from its name, and two names may meet."""

from itertools import groupby

from dev.machine.instance import Instance
from tests.cluster import embedded, test_your_cluster
from tests.cluster.readme import test_one_machine
from tests.cluster.readme import test_your_cluster as readers_cluster
from tests.dev.cluster import test_cluster
from tests.engine import played, test_clean, test_commands
from tests.plugin import lab

WORKERS = [f"gw{number}" for number in range(4)]
OF_A_WORKER = (
    embedded.INSTANCE,
    readers_cluster.MINE,
    test_one_machine.PLAYED,
    test_your_cluster.MINE,
    played.INSTANCE,
    test_clean.CLEAN,
    test_commands.PLAYED,
    test_commands.MINE,
)
OF_ALL = (lab.INSTANCE, test_cluster.INSTANCE, Instance("t-kwok"))


def base(instance: Instance) -> int:
    return instance.ports.base


def test_no_two_machines_of_the_tests_have_the_same_ports() -> None:
    worker = embedded.WORKER
    named = {it.name.replace(f"-{worker}", f"-{other}") for it in OF_A_WORKER for other in WORKERS}
    machines = sorted({Instance(name) for name in named} | {*OF_ALL}, key=base)

    met = [[it.name for it in group] for _, group in groupby(machines, base)]

    assert [names for names in met if len(names) > 1] == []
