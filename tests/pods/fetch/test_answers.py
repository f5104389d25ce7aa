"""Answers that are none: whole files instead of parts, pages instead of files, storage that refuses (D3, D9)."""

import re

import pytest

from dev.hub import Rule
from tests.pods.bench import DATA, REPO, SECRET, SEGMENT, Bench

PROBE = r"bytes=0-0$"


def stopped_after(bench: Bench, segments: int) -> set[int]:
    """A part with so many segments in its journal, as a killed fetch leaves it; the rest of the faults are gone."""
    with bench.start_and_hold(segments) as process:
        process.kill()
    bench.hub.faults.set()
    bench.hub.log.clear()
    return bench.journaled()


def sent(bench: Bench) -> int:
    return sum(row["bytes"] for row in bench.requests())


@pytest.mark.parametrize("probes", [1, 3, None], ids=["one", "three", "every"])
def test_d3_a_200_to_the_probe_neither_costs_the_journal_nor_makes_one_segment_of_the_file(
    bench: Bench, probes: int | None
) -> None:
    content = bench.offer("a-Q4_K_M.gguf")
    stopped_after(bench, 4)
    bench.hub.faults.set(Rule("cdn", range=PROBE, times=probes, ignore_range=True))

    assert bench.here() == (0, "")

    assert sent(bench) == len(content) - 4 * SEGMENT, "the journal is still true"
    assert len(bench.requests()) == 6
    assert bench.blob().read_bytes() == content


@pytest.mark.parametrize(
    ("cut", "streams"), [(None, 4), (None, 1), (5 * SEGMENT + 9, 4)], ids=["whole", "one stream", "cut"]
)
def test_d3_a_206_to_the_probe_and_200_to_every_range_falls_back_and_keeps_what_is_there(
    bench: Bench, cut: int | None, streams: int
) -> None:
    content = bench.offer("a-Q4_K_M.gguf")
    there = stopped_after(bench, 4)
    bench.manifest |= {"streams": streams, "attempts": 8}
    cuts = [Rule("cdn", range=DATA, times=2, ignore_range=True, truncate_after=cut)] if cut else []
    bench.hub.faults.set(*cuts, Rule("cdn", range=DATA, ignore_range=True))
    part = bench.blob(0, ".part").stat().st_ino

    assert bench.here() == (0, "")

    assert bench.blob().read_bytes() == content
    assert bench.blob().stat().st_ino == part, "it went on with what was there"
    assert len(there) == 4


def test_d3_a_server_that_changes_its_mind_about_ranges_at_every_request_still_gives_the_file(bench: Bench) -> None:
    content = bench.offer("a-Q4_K_M.gguf")
    bench.manifest["attempts"] = 30
    rules = [Rule("cdn", range=DATA, skip=skip, times=1, ignore_range=True) for skip in (0, 1, 1, 2, 2)]
    bench.hub.faults.set(*rules)
    assert bench.here() == (0, "")
    assert bench.blob().read_bytes() == content


@pytest.mark.parametrize("where", [PROBE, DATA], ids=["the probe", "a segment"])
@pytest.mark.parametrize(
    "rule",
    [
        {"status": 416, "headers": {"Content-Range": f"bytes */{2 * SEGMENT}"}},
        {"status": 416},
        {"status": 200, "headers": {"Content-Type": "text/html; charset=utf-8"}, "says": "<title>Sign in</title>"},
        {"status": 200, "headers": {"Content-Type": "application/json"}, "says": '{"error": "busy"}'},
        {"status": 403, "says": "<Error><Code>AccessDenied</Code></Error>"},
        {"status": 404, "says": "NoSuchKey"},
        {"status": 503, "says": "slow down"},
    ],
    ids=["416 of the locked size", "416", "a portal", "JSON", "403", "404", "503"],
)
def test_d9_what_passes_is_tried_again_with_an_address_that_is_asked_for_anew(
    bench: Bench, where: str, rule: dict[str, object]
) -> None:
    content = bench.offer("a-Q4_K_M.gguf", 2 * SEGMENT)
    bench.hub.faults.set(Rule("cdn", range=where, times=1, **rule))  # type: ignore[arg-type]

    assert bench.here() == (0, "")

    assert bench.blob().read_bytes() == content
    assert bench.hub.signatures == 2


def test_d9_a_206_without_content_range_is_tried_again_and_named_when_it_stays(bench: Bench) -> None:
    bench.offer("a-Q4_K_M.gguf", 2 * SEGMENT)
    bench.hub.faults.set(Rule("cdn", range=DATA, times=1, no_content_range=True))
    assert bench.here() == (0, "")
    bench.blob().unlink()

    bench.hub.faults.set(Rule("cdn", range=DATA, no_content_range=True))
    code, said = bench.here()
    assert code == 69
    assert "does not say which part of the file it brings (no Content-Range)" in said


def test_d9_a_416_that_tells_of_a_shorter_file_is_final_and_says_both_sizes(bench: Bench) -> None:
    bench.offer("a-Q4_K_M.gguf")
    bench.hub.faults.set(Rule("cdn", range=DATA, status=416, headers={"Content-Range": "bytes */77"}))
    code, said = bench.here()
    assert (code, f"77 bytes at the hub, {10 * SEGMENT} in the lock" in said) == (65, True), said


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_d9_a_refused_address_of_the_endpoint_s_own_origin_expires_like_any_other(bench: Bench, status: int) -> None:
    content = bench.offer("a-Q4_K_M.gguf")
    bench.hub.faults.set(
        Rule("api", path=r"^/signed/.*sig=1$", skip=3, status=status), Rule("api", path="/resolve/", same_origin=True)
    )
    assert bench.here() == (0, "")
    assert bench.blob().read_bytes() == content
    assert bench.hub.signatures == 2


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (
            "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>",
            "AccessDenied: Request has expired",
        ),
        ("<html><title>502 at the\n edge</title><body>x</body></html>", "502 at the edge"),
        ("quota of\tthis month is used up", "quota of this month is used up"),
        ("\x1b[31mred \u202e and \x07", "?[31mred ? and ?"),
        ("<x>" + "y" * 5000, ""),
        ("&lt;script&gt;", "<script>"),
    ],
)
def test_d9_the_reason_of_a_cdn_is_shown_escaped_and_short_and_the_cdn_is_named(
    bench: Bench, body: str, shown: str
) -> None:
    bench.offer("a-Q4_K_M.gguf")
    bench.hub.faults.set(Rule("cdn", range=DATA, status=403, says=body))

    code, said = bench.here()

    assert code == 69
    assert f"http://127.0.0.1:{bench.hub.cdn_port}/{REPO}/" in said, "who refused"
    assert f"HTTP 403{f': {shown!r}' if shown else '; gave up'}" in said
    assert "sig=" not in said
    assert re.fullmatch(r"[ -~]{1,600}", said)
    assert str(bench.hub.port) not in said, "the hub did nothing wrong"


def test_d9_a_reason_that_repeats_a_credential_is_shown_without_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.offer("a-Q4_K_M.gguf")
    monkeypatch.setenv("HF_TOKEN", SECRET)
    bench.hub.faults.set(Rule("api", status=418, says=f"no {SECRET} here"))
    code, said = bench.here()
    assert (code, SECRET in said) == (69, False)
    bench.hub.faults.set(Rule("cdn", status=403, says="signature sig=1 sig=2 sig=3 sig=4 sig=5 sig=6 has expired"))
    assert "has expired" in (said := bench.here()[1])
    assert said.count("sig=") == 5, "its own signature is left out, the others were never valid"


def test_d9_a_portal_that_stays_is_no_damage_and_says_what_came(bench: Bench) -> None:
    bench.offer("a-Q4_K_M.gguf")
    page = {"status": 200, "headers": {"Content-Type": "text/html"}, "says": "<title>Sign in to the network</title>"}
    bench.hub.faults.set(Rule("cdn", **page))  # type: ignore[arg-type]
    code, said = bench.here()
    assert code == 69, said
    assert "a page came instead of the file (text/html): 'Sign in to the network'" in said
