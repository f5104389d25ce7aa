"""Waiting in tests: for a condition, never for a time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(probe: Callable[[], T], timeout_s: float = 300.0) -> T:
    """The first truthy answer of `probe`; fails the test when there is none in `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not (answer := probe()):
        assert time.monotonic() < deadline, f"nothing came of {probe}"
        time.sleep(0.05)
    return answer
