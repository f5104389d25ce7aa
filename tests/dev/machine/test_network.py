"""Network namespaces of several instances at once."""

from concurrent.futures import ThreadPoolExecutor

from dev.machine import network
from dev.machine.instance import Instance


def test_instances_that_come_and_go_at_the_same_time_do_not_hold_each_others_namespaces() -> None:
    def come_and_go(number: int) -> None:
        instance = Instance(f"t-network-{number}")
        for _ in range(10):
            network.up(instance)
            network.down(instance)

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(come_and_go, range(4))) == [None] * 4
