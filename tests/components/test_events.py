"""Events while an update runs: a stand-in for kubectl on PATH, as a real process."""

import queue
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote_plus

import pytest

from observe.events import Watch
from plan.live.objects.hopeless import Hopeless

MISSING = 'MountVolume.NewMounter initialization failed for volume "m" : path "/srv/models" does not exist'


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
        line("else-1"),
        line("fetch-b-1", "Pulling", "x"),
        line("fetch-a-1"),
        line("fetch-c-1"),
        line("fetch-d-1"),
    ]
    found: queue.Queue[Hopeless] = queue.Queue()

    watch = Watch("llama-cpp", kubectl(*events, before="pod/fetch-a-1"), found.put)
    told = found.get(timeout=30)
    watch.end()

    assert told.what == f"Pod fetch-c-1: [FailedMount] {MISSING}", "what was there before, this update may replace"
    assert found.empty()


def test_where_events_may_not_be_read_the_update_goes_on(tmp_path: Path) -> None:
    program = tmp_path / "kubectl"
    program.write_text("#!/bin/sh\necho 'Error from server (Forbidden): events' >&2\nexit 1\n")
    program.chmod(0o755)
    found: queue.Queue[Hopeless] = queue.Queue()

    Watch("llama-cpp", {"PATH": f"{tmp_path}:/usr/bin:/bin"}, found.put).end()

    assert found.empty()


@pytest.mark.parametrize(
    "text",
    ["", "\t", "a b", "a fetch-1 c d e f", "\x1b[1m", "%zz", line("fetch-1", ""), line("fetch-1", message="%zz")],
)
def test_an_odd_line_is_no_event(kubectl: Callable[..., dict[str, str]], text: str) -> None:
    found: queue.Queue[Hopeless] = queue.Queue()

    watch = Watch("llama-cpp", kubectl(text, line("fetch-c-1")), found.put)
    told = found.get(timeout=30)
    watch.end()

    assert "fetch-c-1" in told.what
