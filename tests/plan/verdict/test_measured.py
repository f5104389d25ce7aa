"""Rates from the logs of our pods."""

import json

import pytest

from plan.verdict.measured import measured


def progress(time: str, mib_s: object, event: str = "progress") -> str:
    return f"2026-11-29T04:00:{time}Z {json.dumps({'event': event, 'mib_s': mib_s})}"


@pytest.mark.parametrize(
    ("log", "rate"),
    [
        ("", None),
        (progress("01", 40), 40),
        ("\n".join([progress("03", 60), progress("01", 20)]), 40),
        ("\n".join(progress(f"{second:02}", 10 if second > 3 else 1000) for second in range(10)), 10),
        (progress("01", 0), None),
        (progress("01", 9, event="warmed"), None),
        ("Error from server: it is gone\n\x1b[31m", None),
        (progress("01", None), None),
        ("2026-11-29T04:00:01Z [1]", None),
        ("2026-11-29T04:00:01Z {", None),
    ],
)  # fmt: skip
def test_the_last_minute_of_the_last_download_says_how_fast_it_was(log: str, rate: float | None) -> None:
    assert measured(log).fetch_mib_s == rate


def test_each_models_last_read_counts_and_what_is_not_ours_is_passed_over() -> None:
    read = [
        {"event": "warmed", "model": model, "mib": 1, "mib_s": rate} for model, rate in [("a", 60), ("b", 0), ("a", 90)]
    ]
    other = ["", "llama-swap: ready", '{"event": "warmed", "mib_s": "fast"}', '"warmed"', "[]"]
    log = [f"2026-11-29T04:00:0{second}Z {line}" for second, line in enumerate([*map(json.dumps, read), *other])]
    assert measured("\n".join(log)).read_mib_s == {"a": 90}
