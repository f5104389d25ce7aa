"""What the project's fetcher has to reach in `make bench-fetch`. Pure: figures in, verdicts out."""

import statistics
from dataclasses import dataclass

from bench.downloaders import CURL, CURL_OPENSSL, HF, ONE_STREAM, OURS
from bench.fetch_results import CAPPED, DISTANT, GIGABIT, UNCAPPED, Results

_PEAK_MIB = 64


@dataclass(frozen=True, slots=True)
class Limit:
    """One figure and its bound, which is the least allowed, or else the most."""

    what: str
    figure: float
    bound: float
    at_least: bool = False

    @property
    def ok(self) -> bool:
        return self.figure >= self.bound if self.at_least else self.figure <= self.bound

    def __str__(self) -> str:
        verdict, word = "ok    " if self.ok else "missed", "at least" if self.at_least else "at most"
        return f"{verdict} {self.what}: {self.figure:.3g} ({word} {self.bound:g})"


def limits(results: Results) -> list[Limit]:
    """All limits, met or missed. Speeds are medians; memory, bytes and requests are the worst of all rounds."""
    times = results.times_as_fast
    speeds = [
        ("uncapped, times the speed of curl and then openssl", times(UNCAPPED, OURS, CURL_OPENSSL), 0.9),
        (
            "on a gigabit line, times the speed of curl, which neither hashes nor syncs",
            times(GIGABIT, OURS, CURL),
            0.98,
        ),
        ("uncapped, times the speed of hf download", times(UNCAPPED, OURS, HF), 2.0),
        ("40 MB/s a connection, times the speed of one stream", times(CAPPED, OURS, ONE_STREAM), 3.5),
        ("a gigabit line 150 ms away, part of its rate", results.of_the_line(DISTANT, OURS), 0.5),
    ]
    found = [Limit(what, figure, bound, at_least=True) for what, figure, bound in speeds]
    peak_mib = max(run.peak_mib for (_, name), runs in results.runs.items() if name == OURS for run in runs)
    resumed, repeated = results.resumed[OURS], results.repeated
    again_mib = max(one.again_bytes for one in resumed) / 2**20
    return [
        *found,
        Limit("peak memory, MiB", peak_mib, _PEAK_MIB),
        Limit("MiB fetched again after SIGKILL at 40 %", again_mib, results.most_again_bytes / 2**20),
        Limit("wrong files after SIGKILL", sum(not one.right for one in resumed), 0),
        Limit("requests with everything present", max(one.requests for one in repeated), 0),
        Limit("seconds with everything present", statistics.median(one.wall_s for one in repeated), 1),
    ]
