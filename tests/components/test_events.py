"""Events while an update runs: a stand-in for kubectl on PATH, as a real process."""

import os
import queue
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote_plus

import pytest

from observe import events
from observe.events import Watch
from plan.live.objects.hopeless import Hopeless

MISSING = 'MountVolume.NewMounter initialization failed for volume "m" : path "/srv/models" does not exist'


MODELS = "abcde"
NO_NODE = "0/1 nodes are available: 1 {}."
AFFINITY, SHORT = "node(s) didn't match Pod's node affinity/selector", "Insufficient nvidia.com/gpu"


def pod(model: str) -> str:
    return f"fetch-{model}-x2x4z"


def line(name: str, reason: str = "FailedMount", message: str = MISSING) -> str:
    return f"Pod   {name}   {reason}   {quote_plus(message)}"


@pytest.fixture
def kubectl(tmp_path: Path) -> Callable[..., dict[str, str]]:
    """The environment with a kubectl that watches these events, and lists these pods."""

    def install(*events: str, before: str = "") -> dict[str, str]:
        (tmp_path / "events").write_text("".join(f"{event}\n" for event in events))
        program = tmp_path / "kubectl"
        watches = f'case "$*" in *--watch-only*) cat {tmp_path}/events; exec sleep 600;; esac'
        program.write_text(f"#!/bin/sh\n{watches}\necho '{before}'\n")
        program.chmod(0o755)
        return {"PATH": f"{tmp_path}:/usr/bin:/bin"}

    return install


def test_the_first_hopeless_event_of_a_new_object_is_told_once(kubectl: Callable[..., dict[str, str]]) -> None:
    events = [
        line("fetch-else-x2x4z"),
        line("fetch-b-x2x4z", "Pulling", "x"),
        line("fetch-a-x2x4z"),
        line("fetch-c-x2x4z"),
        line("fetch-d-x2x4z"),
    ]
    found: queue.Queue[Hopeless] = queue.Queue()

    watch = Watch("llama-cpp", MODELS, kubectl(*events, before="pod/fetch-a-x2x4z"), found.put)
    told = found.get(timeout=30)
    watch.end()

    assert told.what == f"Pod fetch-c-x2x4z: [FailedMount] {MISSING}", "what was there before, this update may replace"
    assert found.empty()


def test_where_events_may_not_be_read_the_update_goes_on(tmp_path: Path) -> None:
    program = tmp_path / "kubectl"
    program.write_text("#!/bin/sh\necho 'Error from server (Forbidden): events' >&2\nexit 1\n")
    program.chmod(0o755)
    found: queue.Queue[Hopeless] = queue.Queue()

    Watch("llama-cpp", MODELS, {"PATH": f"{tmp_path}:/usr/bin:/bin"}, found.put).end()

    assert found.empty()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\t",
        "a b",
        "Pod fetch-a-x2x4z c d e f",
        "\x1b[1m",
        "%zz",
        line("fetch-a-x2x4z", ""),
        line("fetch-a-x2x4z", message="%zz"),
    ],
)
def test_an_odd_line_is_no_event(kubectl: Callable[..., dict[str, str]], text: str) -> None:
    found: queue.Queue[Hopeless] = queue.Queue()

    watch = Watch("llama-cpp", MODELS, kubectl(text, line("fetch-c-x2x4z")), found.put)
    told = found.get(timeout=30)
    watch.end()

    assert "fetch-c-x2x4z" in told.what


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """A clock that a test sets; the watch looks at what stands all the time."""
    now = [0.0]
    monkeypatch.setattr(events, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(events, "_AGAIN_S", 0.01)

    def set_to(seconds: float) -> None:
        now[0] = seconds

    return set_to


class Telling:
    """A watch whose events come when a test says so; `told` is what it found by then."""

    def __init__(self, directory: Path) -> None:
        program, self._pipe = directory / "kubectl", directory / "pipe"
        os.mkfifo(self._pipe)
        program.write_text(f'#!/bin/sh\ncase "$*" in *--watch-only*) exec cat {self._pipe};; esac\n')
        program.chmod(0o755)
        self._found: queue.Queue[Hopeless] = queue.Queue()
        self._watch = Watch("llama-cpp", MODELS, {"PATH": f"{directory}:/usr/bin:/bin"}, self._found.put)
        self._events = self._pipe.open("w")

    def say(self, *events: str) -> None:
        self._events.write("".join(f"{event}\n" for event in events))
        self._events.flush()

    def told(self) -> str:
        """What is found at last."""
        return self._found.get(timeout=30).what

    def quiet(self) -> bool:
        """Whether nothing is found of what was said until now."""
        try:
            self._found.get(timeout=0.5)
        except queue.Empty:
            return True
        return False

    def end(self) -> None:
        self._events.close()
        self._watch.end()


@pytest.fixture
def telling(tmp_path: Path, clock: Callable[[float], None]) -> Iterator[Telling]:
    clock(0)
    made = Telling(tmp_path)
    yield made
    made.end()


def test_time_counts_from_when_the_same_was_said_and_not_from_another_reason_to_wait(
    telling: Telling, clock: Callable[[float], None]
) -> None:
    telling.say(line(pod("a"), "FailedScheduling", NO_NODE.format(SHORT)))
    assert telling.quiet()
    clock(22)
    telling.say(line(pod("a"), "FailedScheduling", NO_NODE.format(AFFINITY)))
    assert telling.quiet()
    clock(43)
    telling.say(line(pod("a"), "FailedScheduling", NO_NODE.format(AFFINITY)))
    assert pod("a") in telling.told()


def test_what_is_tried_with_a_new_name_each_time_is_still_the_same(
    telling: Telling, clock: Callable[[float], None]
) -> None:
    refused = 'Error creating: pods "fetch-a-{}" is forbidden: exceeded quota: q, used: pods={}'
    telling.say(f"Job fetch-a FailedCreate {quote_plus(refused.format('bcdfg', 5))}")
    assert telling.quiet()
    clock(61)
    telling.say(f"Job fetch-a FailedCreate {quote_plus(refused.format('x2x4z', 6))}")
    assert "exceeded quota" in telling.told()


def test_a_claim_that_is_not_there_is_told_though_the_scheduler_says_it_once(
    telling: Telling, clock: Callable[[float], None]
) -> None:
    missing = 'persistentvolumeclaim "modles" not found'
    telling.say(
        line(pod("a"), "FailedScheduling", missing),
        line(pod("a"), "Scheduled", "assigned"),
        line(pod("b"), "FailedScheduling", missing),
    )
    assert telling.quiet()
    clock(21)
    assert pod("b") in telling.told(), "the other one has found its claim"
