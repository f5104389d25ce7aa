"""Downloads as `make bench-fetch` runs them: real programs, a small file, and nothing about how fast they are."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.downloaders import CURL, OURS, Downloader, there
from bench.fetch_results import UNCAPPED, Pace
from bench.site import Site, site
from dev.machine.steps import DevError

SIZE = 16 << 20  # segments of 1 MiB: the line sends each in several pieces
SLOW = Pace("slow enough to be killed", total_bytes_s=12e6)
MEASURED = Path(__file__).parents[2] / "bench" / "measured.py"
DOWNLOADERS = {one.name: one for one in there()}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("site"), SIZE) as place:
        yield place


def measured(*argv: str) -> tuple[int, float, float, float]:
    """Exit code, wall seconds, CPU seconds, peak MiB."""
    done = subprocess.run([sys.executable, "-I", "-S", MEASURED, *argv], capture_output=True, text=True, check=True)
    code, wall_s, cpu_s, peak_kib = done.stdout.split()
    return int(code), float(wall_s), float(cpu_s), float(peak_kib) / 1024


@pytest.mark.parametrize("name", DOWNLOADERS)
def test_every_downloader_brings_the_offered_file_and_leaves_nothing_behind(place: Site, name: str) -> None:
    run = place.run(DOWNLOADERS[name], UNCAPPED)

    assert run.cpu_s > 0
    assert not place.into.exists()


def test_a_downloader_that_brings_other_bytes_is_not_compared(place: Site) -> None:
    cheat = Downloader("cheat", lambda offer, into: ["cp", "/dev/null", str(into / offer.path)])

    with pytest.raises(DevError, match="cheat brought another file"):
        place.run(cheat, UNCAPPED)
    assert not place.into.exists(), "the next one would start with it"


def test_a_downloader_that_fails_is_named_with_its_last_words(place: Site) -> None:
    broken = Downloader("broken", lambda _offer, _into: ["sh", "-c", "echo no such option >&2; exit 3"])

    with pytest.raises(DevError, match="broken ended with 3: no such option"):
        place.run(broken, UNCAPPED)


def test_a_downloader_that_is_not_installed_is_named(place: Site) -> None:
    with pytest.raises(DevError, match=r"absent cannot be started: .*No such file"):
        place.run(Downloader("absent", lambda _offer, _into: ["/nowhere/absent"]), UNCAPPED)


def test_killed_at_40_percent_ours_fetches_at_most_a_segment_a_stream_again(place: Site) -> None:
    resumed = place.resume(DOWNLOADERS[OURS], SLOW)

    assert resumed.right
    assert 0 < resumed.again_bytes <= place.offer.most_again_bytes


def test_what_starts_from_zero_after_a_kill_is_counted_in_full(place: Site) -> None:
    curl = DOWNLOADERS[CURL]
    forgetful = Downloader("curl", lambda offer, into: [word for word in curl.argv(offer, into) if word not in "-C -"])

    resumed = place.resume(forgetful, SLOW)

    assert resumed.right
    assert resumed.again_bytes >= 0.4 * SIZE


def test_a_file_that_is_wrong_after_the_kill_is_told_as_such(place: Site) -> None:
    def once(_offer: object, into: Path) -> list[str]:
        started = (into / "started").exists()
        curl = ["curl", "-fsSo", str(into / "model.gguf"), place.offer.url, "-L"]
        return ["true"] if started else ["sh", "-c", f"touch {into}/started; exec {' '.join(curl)}"]

    assert not place.resume(Downloader("never again", once), SLOW).right


def test_one_that_ends_before_it_is_killed_is_an_error_that_names_the_option(place: Site) -> None:
    with pytest.raises(DevError, match="--mib"):
        place.resume(Downloader("nothing", lambda _offer, _into: ["true"]), SLOW)


def test_with_everything_present_ours_asks_nobody(place: Site) -> None:
    assert place.repeat(DOWNLOADERS[OURS], UNCAPPED).requests == 0


def test_requests_of_a_second_run_are_counted_at_hub_and_storage(place: Site) -> None:
    again = Downloader("again", lambda offer, into: ["curl", "-fsSLo", str(into / offer.path), offer.url])

    assert place.repeat(again, UNCAPPED).requests == 2


def test_memory_and_time_of_all_children_are_measured_and_none_of_the_measurers() -> None:
    hungry = "x = bytearray(80 << 20)\nn = 0\nwhile n < 3_000_000: n += 1"
    ballast = bytearray(120 << 20)  # what a fork or vfork from here would be charged with
    code, wall_s, cpu_s, peak_mib = measured("sh", "-c", '"$0" -I -S -c "$1"; exit 7', sys.executable, hungry)
    small = measured("true")

    assert code == 7
    assert cpu_s > 0
    assert wall_s > 0
    assert 80 < peak_mib < 120
    assert small[3] < 40 < len(ballast) >> 20
