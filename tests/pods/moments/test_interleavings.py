"""Programs beside each other on one volume, in any order and killed at any call: never a wrong byte under a promise."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.pods.moments.mutations import MUTATIONS
from tests.pods.moments.script import KILLED
from tests.soak import SOAK
from tests.stacks import ROOT

SEEDS = 5_000 if SOAK else 200
FEW = 40  # within so many seeds each fault is found
STRIDE = 1 if SOAK else 8  # every so manieth kill point


def played(*what: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "tests.pods.moments", *what]
    env = {**os.environ, "PYTHONHASHSEED": "0"}  # the order of a set is the same in every run
    return subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, check=False)


def counts(ran: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert ran.returncode == 0, ran.stdout + ran.stderr
    print(ran.stdout)
    return json.loads(ran.stdout.splitlines()[-1])


def test_no_interleaving_of_the_programs_promises_wrong_bytes_or_loses_what_is_needed() -> None:
    told = counts(played(f"0-{SEEDS - 1}"))
    assert (told["played"], told["wrong"]) == (SEEDS, 0)
    happened = told["happened"]
    wanted = ("adopted", "corrupt", "quarantined", "restored", "warmed", "fetch ended -9", "prune ended -9")
    assert [it for it in wanted if not happened.get(it)] == [], "or what may go wrong was not tried"


@pytest.mark.parametrize("name", KILLED)
def test_a_program_that_is_killed_at_any_change_leaves_what_the_next_run_ends(name: str) -> None:
    told = counts(played(name, "--stride", str(STRIDE)))
    assert told["played"] > 1, "it must have died"


def test_a_seed_plays_the_same_steps_again() -> None:
    assert counts(played("3-5"))["traces"] == counts(played("3-5"))["traces"]


@pytest.mark.parametrize("mutation", [it for it in MUTATIONS if it])
def test_a_fault_that_is_put_into_the_programs_is_found(mutation: str) -> None:
    ran = played(f"0-{FEW - 1}", "--mutation", mutation)
    assert ran.returncode == 1, f"{FEW} interleavings did not find it"
    assert "Traceback" not in ran.stderr, ran.stderr
