"""The fetcher against a hub and a network that misbehave."""

import json
from typing import Any

import pytest

from dev.hub import Rule
from tests.pods.bench import DATA, SECRET, SEGMENT, Bench


def test_a_flipped_byte_ends_with_65_after_a_second_try_and_leaves_no_blob(bench: Bench) -> None:
    bench.offer("a-Q4_K_M.gguf")
    bench.hub.faults.set(Rule("cdn", corrupt_at=3 * SEGMENT + 7))

    code, printed = bench.fetch()

    assert code == 65, printed
    wrong = bench.termination.read_text()
    assert "a-Q4_K_M.gguf: expected sha256" in wrong
    assert bench.manifest["files"][0]["sha256"] in wrong
    assert list((bench.root / ".blobs").iterdir()) == []
    assert not (bench.generation / "READY.json").exists()


def test_a_byte_flipped_once_is_healed_by_fetching_again_from_zero(bench: Bench) -> None:
    content = bench.offer("a-Q4_K_M.gguf")
    bench.hub.faults.set(Rule("cdn", range=f"bytes={SEGMENT}-", times=1, corrupt_at=SEGMENT + 7))
    code, printed = bench.fetch()
    assert code == 0, printed
    assert '"corrupt"' in printed
    assert (bench.generation / "model.gguf").read_bytes() == content


def test_a_cut_body_goes_on_where_it_ended(bench: Bench) -> None:
    content = bench.offer("a-Q4_K_M.gguf")
    bench.hub.faults.set(Rule("cdn", range=DATA, times=3, truncate_after=1000))
    code, printed = bench.fetch()
    assert code == 0, printed
    assert sum(row["bytes"] for row in bench.requests()) == len(content)
    assert (bench.generation / "model.gguf").read_bytes() == content


@pytest.mark.parametrize("cut", [None, 3 * SEGMENT + 11], ids=["whole", "cut once"])
def test_a_server_that_ignores_range_still_gives_the_file(bench: Bench, cut: int | None) -> None:
    content = bench.offer("a-Q4_K_M.gguf")
    cuts = [Rule("cdn", range=DATA, times=1, ignore_range=True, truncate_after=cut)] if cut else []
    bench.hub.faults.set(*cuts, Rule("cdn", ignore_range=True))
    code, printed = bench.fetch()
    assert code == 0, printed
    assert '"corrupt"' not in printed, "it would heal, at the price of the whole file again"
    assert (bench.generation / "model.gguf").read_bytes() == content


def test_a_single_answer_of_200_in_the_middle_is_asked_again(bench: Bench) -> None:
    content = bench.offer("a-Q4_K_M.gguf")
    bench.hub.faults.set(Rule("cdn", range=DATA, skip=2, times=1, ignore_range=True))
    assert bench.fetch()[0] == 0
    assert (bench.generation / "model.gguf").read_bytes() == content


def test_a_file_with_another_x_linked_etag_is_refused_before_its_bytes(bench: Bench) -> None:
    bench.offer("a-Q4_K_M.gguf")
    bench.hub.faults.set(Rule("api", etag="f" * 64))
    code, printed = bench.fetch()
    assert code == 65, printed
    assert bench.requests() == [], "it was uploaded anew: none of its bytes are wanted"
    assert not (bench.generation / "READY.json").exists()


def test_a_file_with_another_total_in_content_range_is_refused_and_none_of_it_kept(bench: Bench) -> None:
    bench.offer("a-Q4_K_M.gguf")
    bench.hub.faults.set(Rule("cdn", total=999))
    code, printed = bench.fetch()
    assert code == 65, printed
    assert bench.journal_lines() == 0
    assert not bench.blob().exists()
    assert not (bench.generation / "READY.json").exists()


@pytest.mark.parametrize("locked_size", [10 * SEGMENT - 1, 10 * SEGMENT + 1], ids=["longer", "shorter"])
def test_a_file_of_another_size_than_locked_is_refused(bench: Bench, locked_size: int) -> None:
    bench.offer("a-Q4_K_M.gguf")
    bench.manifest["files"][0]["size"] = locked_size
    code, printed = bench.fetch()
    assert code == 65, printed
    said = bench.termination.read_text()
    assert f"a-Q4_K_M.gguf: {10 * SEGMENT} bytes at the hub, {locked_size} in the lock" in said


@pytest.mark.parametrize(
    ("rule", "code", "said"),
    [
        (Rule("cdn", corrupt_at=7), 65, ["a-Q4_K_M.gguf", "expected sha256", "got", "fetch from another endpoint"]),
        (Rule("api", etag="f" * 64), 65, ["a-Q4_K_M.gguf", "f" * 64, "locked is", "local-llm lock --update tiny-q4"]),
        (Rule("api", status=404), 66, ["a-Q4_K_M.gguf", "HTTP 404", "local-llm lock --update tiny-q4"]),
        (Rule("api", status=502), 69, ["a-Q4_K_M.gguf", "HTTP 502", "4 attempts", "the next run goes on from here"]),
        (Rule("api", status=403), 77, ["a-Q4_K_M.gguf", "HTTP 403", "HF_TOKEN has no access"]),
    ],
)
def test_the_last_message_names_the_file_what_is_wrong_and_the_next_step(
    bench: Bench, rule: Rule, code: int, said: list[str]
) -> None:
    bench.offer("a-Q4_K_M.gguf")
    bench.hub.faults.set(rule)
    assert bench.fetch()[0] == code
    message = bench.termination.read_text()
    assert [part for part in said if part not in message] == [], message
    assert len(message) < 4096, "the kubelet cuts the rest"


def test_the_command_in_it_names_the_model_as_its_stack_does(bench: Bench) -> None:
    bench.offer("a-Q4_K_M.gguf")
    bench.manifest["model"] = "Org/Tiny:Q4"
    bench.hub.faults.set(Rule("api", status=404))
    assert bench.fetch()[0] == 66
    assert "`bin/local-llm lock --update Org/Tiny:Q4`" in bench.termination.read_text()


@pytest.mark.parametrize("origin", ["api", "cdn"])
@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (503, {}),
        (502, {}),
        (429, {"Retry-After": "1"}),
        (429, {"RateLimit": '"api";r=0;t=1'}),
        (503, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}),
    ],
)
def test_passing_refusals_are_waited_out_as_long_as_asked(
    bench: Bench, origin: Any, status: int, headers: dict[str, str]
) -> None:
    bench.offer("a-Q4_K_M.gguf", SEGMENT)
    bench.hub.faults.set(Rule(origin, times=1, status=status, headers=headers))
    code, printed = bench.fetch()
    assert code == 0, printed
    pauses = [json.loads(line)["pause_s"] for line in printed.splitlines() if '"retry"' in line]
    asked_s = 1 if "1" in {headers.get("Retry-After"), headers.get("RateLimit", "")[-1:]} else 0
    assert len(pauses) == 1
    assert all(pause >= asked_s for pause in pauses)


def test_a_hub_that_stays_down_ends_with_69(bench: Bench) -> None:
    bench.offer("a-Q4_K_M.gguf")
    bench.hub.faults.set(Rule("api", status=503))
    assert bench.fetch()[0] == 69
    assert "HTTP 503" in bench.termination.read_text()
    assert len(bench.hub.log) == bench.manifest["attempts"]


@pytest.mark.parametrize(
    "rule",
    [
        Rule("api", times=2, silent=True),
        Rule("cdn", range=DATA, times=2, silent=True),
        Rule("cdn", range=DATA, times=2, stall_after=0),
        Rule("cdn", range=DATA, times=2, stall_after=1000),
    ],
    ids=["the hub", "the CDN", "before the body", "in the body"],
)
def test_a_connection_that_falls_silent_is_replaced(bench: Bench, rule: Rule) -> None:
    content = bench.offer("a-Q4_K_M.gguf")
    bench.manifest |= {"stall_s": 0.5, "attempts": 50}
    bench.hub.faults.set(rule)
    code, printed = bench.fetch()
    assert code == 0, printed
    assert "timed out" in printed
    assert (bench.generation / "model.gguf").read_bytes() == content


def test_an_expired_signed_address_is_asked_for_again(bench: Bench) -> None:
    content = bench.offer("a-Q4_K_M.gguf")
    bench.hub.faults.set(Rule("cdn", path="sig=1$", skip=4, status=403), Rule("cdn", path="sig=2$", skip=3, status=410))
    code, printed = bench.fetch()
    assert code == 0, printed
    assert bench.hub.signatures == 3, "one new address for all streams, each time"
    assert "sig=" not in printed, "a signature is a credential"
    assert (bench.generation / "model.gguf").read_bytes() == content


@pytest.mark.parametrize(
    ("rule", "code", "said"),
    [
        (Rule("api", token="another"), 77, "HF_TOKEN has no access"),
        (Rule("api", status=401, headers={"X-Error-Code": "RepoNotFound"}), 77, "no such repository"),
        (Rule("api", status=404, headers={"X-Error-Code": "EntryNotFound"}), 66, "EntryNotFound"),
        (Rule("api", status=404, headers={"X-Error-Code": "RevisionNotFound"}), 66, "RevisionNotFound"),
    ],
)
def test_no_access_and_no_such_file_have_codes_of_their_own(bench: Bench, rule: Rule, code: int, said: str) -> None:
    bench.offer("a-Q4_K_M.gguf")
    bench.hub.faults.set(rule)
    assert bench.fetch()[0] == code
    assert said in bench.termination.read_text()


def test_the_token_opens_a_gated_repository_and_never_reaches_the_cdn(bench: Bench) -> None:
    bench.offer("a-Q4_K_M.gguf")
    bench.hub.faults.set(Rule("api", token=SECRET))
    assert bench.fetch(token=f"{SECRET}\n")[0] == 0, "a token stored with its line's end is that token"
    assert all(row["authorization"] for row in bench.hub.log if row["origin"] == "api")
    assert not any(row["authorization"] for row in bench.hub.log if row["origin"] == "cdn")


def test_a_malformed_token_is_refused_without_being_shown(bench: Bench) -> None:
    bench.offer("a-Q4_K_M.gguf")
    assert bench.fetch(token=f"{SECRET}\nx")[0] == 77
    assert bench.hub.log == []
