"""A wrong command line of `python -m dev` is told without the password in it."""

import subprocess
import sys

import pytest

from tests.stacks import ROOT

SECRET = "s3cret-thatMustNeverBePrinted"


@pytest.mark.parametrize(
    "line",
    [
        ("up", f"http://u:{SECRET}@h"),
        ("up", "--stack", f"http://u:{SECRET}@h"),
        (f"hf_{SECRET}",),
        ("up", "--cluster", f"//u:{SECRET}@h"),
        ("up", f"--sk-{SECRET}"),
        ("up", "--stack", "\x1b[31m", f"\u202ehttp://{SECRET}@h"),
    ],
    ids=ascii,
)
def test_b2_what_was_typed_is_told_without_the_secret_in_it(line: tuple[str, ...]) -> None:
    argv = [sys.executable, "-m", "dev", *line]
    ran = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)

    assert ran.returncode == 2
    assert SECRET not in ran.stdout + ran.stderr
    assert "error: " in ran.stderr
    assert ran.stderr.replace("\n", "").isprintable()
