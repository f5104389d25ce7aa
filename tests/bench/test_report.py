"""What `make bench-fetch` makes of its figures."""

import json
import math
import re
from dataclasses import replace
from pathlib import Path

import pytest

from bench import fetch_report
from bench.downloaders import CURL, CURL_OPENSSL, HF, ONE_STREAM, OURS, there
from bench.fetch import main
from bench.fetch_limits import Limit, limits
from bench.fetch_results import CAPPED, DISTANT, GIGABIT, UNCAPPED, Pace, Repeated, Results, Resumed, Run
from dev.machine.steps import DevError

WALL_S: dict[tuple[Pace, str], float] = {
    (UNCAPPED, OURS): 2.0,
    (UNCAPPED, CURL_OPENSSL): 1.9,
    (UNCAPPED, HF): 4.2,
    (GIGABIT, OURS): 9.2,
    (GIGABIT, CURL): 9.1,
    (CAPPED, OURS): 7.0,
    (CAPPED, ONE_STREAM): 26.0,
    (DISTANT, OURS): 12.0,
}


@pytest.fixture
def results() -> Results:
    """Three rounds in which every limit is met."""
    found = Results(1 << 30, 256 << 20, server_s=[0.5] * 3)
    found.runs = {(pace.name, name): [Run(wall_s, 1.0, 30.0)] * 3 for (pace, name), wall_s in WALL_S.items()}
    found.resumed = {OURS: [Resumed(200 << 20, right=True)] * 3, HF: [Resumed(400 << 20, right=False)] * 3}
    found.repeated = [Repeated(0, 0.1)] * 3
    return found


def missed(results: Results) -> list[str]:
    return [limit.what for limit in limits(results) if not limit.ok]


def test_figures_within_all_limits_miss_none(results: Results) -> None:
    assert missed(results) == []


@pytest.mark.parametrize(
    ("pace", "name", "wall_s", "what"),
    [
        (UNCAPPED, CURL_OPENSSL, 1.79, "openssl"),
        (GIGABIT, CURL, 9.0, "gigabit"),
        (UNCAPPED, HF, 3.9, "hf download"),
        (CAPPED, ONE_STREAM, 24.4, "one stream"),
    ],
)
def test_a_rival_that_is_too_fast_misses_its_limit_alone(
    results: Results, pace: Pace, name: str, wall_s: float, what: str
) -> None:
    results.runs[pace.name, name] = [Run(wall_s, 1.0, 30.0)] * 3

    (only,) = missed(results)
    assert what in only


def test_a_distant_line_of_which_less_than_half_is_used_misses_its_limit_alone(results: Results) -> None:
    results.runs[DISTANT.name, OURS] = [Run(19.0, 1.0, 30.0)] * 3
    (what,) = missed(results)
    assert "150 ms away" in what


def test_one_slow_round_of_three_is_forgiven(results: Results) -> None:
    results.runs[UNCAPPED.name, OURS][0:1] = [Run(60.0, 1.0, 30.0)]

    assert missed(results) == [], "a speed is the median of the rounds"


def test_a_ratio_is_taken_within_a_round(results: Results) -> None:
    results.runs[UNCAPPED.name, OURS] = [Run(wall_s, 1.0, 30.0) for wall_s in (1.0, 10.0, 2.0)]
    results.runs[UNCAPPED.name, HF] = [Run(wall_s, 1.0, 30.0) for wall_s in (3.0, 30.0, 6.0)]

    assert results.times_as_fast(UNCAPPED, OURS, HF) == 3.0, "a round on a busy machine is slow for both"


def test_memory_bytes_and_requests_are_judged_by_their_worst_round(results: Results) -> None:
    results.runs[CAPPED.name, OURS][2:] = [Run(7.0, 1.0, 65.0)]
    results.resumed[OURS][2:] = [Resumed((256 << 20) + 1, right=False)]
    results.repeated[2:] = [Repeated(1, 0.1)]

    assert len(missed(results)) == 4


def test_a_limit_says_verdict_figure_and_bound() -> None:
    fast = Limit("times as fast", 0.91, 0.9, at_least=True)

    assert str(fast) == "ok     times as fast: 0.91 (at least 0.9)"
    assert str(replace(fast, figure=0.89)) == "missed times as fast: 0.89 (at least 0.9)"
    assert not Limit("requests", 1, 0).ok
    assert not Limit("times as fast", math.nan, 0.9, at_least=True).ok


def test_the_file_has_every_round_and_every_verdict(results: Results) -> None:
    found = json.loads(fetch_report.as_json(results, limits(results), {"date": "2026-01-01"}))

    assert found["runs"]["118 MB/s line"]["curl"]["wall_s"] == [9.1] * 3
    assert found["after_sigkill_at_40_percent"]["hf download"]["right"] == [False] * 3
    assert [limit["ok"] for limit in found["limits"]] == [True] * len(limits(results))
    assert found["server_alone_mb_s"][0] == 2147


def test_the_tables_leave_out_who_was_not_there(results: Results) -> None:
    tables = fetch_report.runs_tables(results, there())

    assert [table.row_count for table in tables] == [3, 2, 2, 1]
    assert fetch_report.resumed_table(results).row_count == 2


def test_versions_are_numbers_and_name_no_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch_report.platform, "release", lambda: "6.1.0-myhost-custom")
    versions = fetch_report.versions()

    assert versions["kernel"] == "6.1.0"
    assert all(re.fullmatch(r"\d[\d.]*|not installed", version) for version in versions.values())


@pytest.mark.parametrize("option", ["--mib", "--rounds"])
def test_a_size_or_a_number_of_rounds_below_one_is_refused(option: str) -> None:
    with pytest.raises(DevError, match="at least 1"):
        main([option, "0"])


def test_a_disk_without_room_is_refused_before_the_first_byte(tmp_path: Path) -> None:
    with pytest.raises(DevError, match=r"MiB are free, .* are needed"):
        main(["--mib", str(1 << 40), "--dir", str(tmp_path)])
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_cannot_be_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(DevError, match="--dir"):
        main(["--dir", str(tmp_path / "file" / "below")])
