"""A wrong command line is told by our own printer: no password that was typed, no sign that acts on a terminal."""

import pytest

from tests.ops.inside import SECRET, Inside

URL = f"http://user:{SECRET}@host/v1"
ODD = (
    URL, f"https://{SECRET}@host", f"//u:{SECRET}@h", f"user:{SECRET}@host", f"http://u:x {SECRET}@h",
    f"http://h/?token={SECRET}", f"hf_{SECRET}", f"sk-{SECRET}", f"http://u:'{SECRET}\"@h",
)  # fmt: skip
LINES = {
    "a surplus word": ("fit", "--stack", "t4", "{}"),
    "a surplus word of another command": ("verify", "--url", "http://127.0.0.1:1", "{}"),
    "a number that is none": ("fit", "--gguf", "x", "--context", "{}"),
    "a number that is none, after =": ("fit", "--gguf", "x", "--context={}"),
    "a choice that is none": ("fit", "--gguf", "x", "--kv-type", "{}"),
    "a time that is none": ("verify", "--url", "http://127.0.0.1:1", "--timeout", "{}"),
    "an option that is none": ("lock", "--{}"),
    "an option that is none, with a value": ("lock", "--nope={}"),
    "a flag with a value": ("lock", "--check={}"),
    "a stack that is none": ("lock", "--stack", "{}"),
    "a command that is none": ("{}",),
    "a command that is none, with words": ("{}", "--url", "{}"),
}


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("typed", ODD)
def test_b2_what_was_typed_is_told_without_the_secret_in_it(inside: Inside, line: str, typed: str) -> None:
    printed = inside.run(*(part.replace("{}", typed) for part in LINES[line]))  # asserts that it has none

    assert "error: " in printed
    assert "next: " in printed
    assert "Traceback" not in printed


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (("fit", "--context", "x"), "Invalid value for '--context': got 'x'; it has to be a whole number"),
        (("fit", "x"), "error: Got unexpected extra argument(s) (x)"),
        (("lock", "--nope"), "error: No such option: --nope"),
        (("render", "--stack", "t4"), "error: Missing argument 'DIR'"),
        (("verify",), "error: Missing option '--url'"),
        (("verify", "--url"), "error: Option '--url' requires an argument"),
        (("nope",), "error: No such command 'nope'"),
        (("lock", "--check=1"), "error: Option '--check' does not take a value"),
        (("fit", "--context", "9" * 5000), "9...; it has to be a whole number"),
        (("fit", "--context", "0"), "'--context': got '0'; it has to be 1 or more"),
        (("fit", "--context", "1e3"), "got '1e3'; it has to be a whole number"),
        (("fit", "--kv-type", "q5"), "'q5' is not one of 'f16', 'q8_0', 'q4_0'"),
        (("verify", "--url", "x", "--timeout", "soon"), "got 'soon'; it has to be a number"),
        (("verify", "--url", "x", "--timeout", "nan"), "got 'nan'; it has to be"),
    ],
)
def test_a_wrong_command_line_says_what_is_wrong_and_what_to_ask(
    inside: Inside, line: tuple[str, ...], said: str
) -> None:
    printed = inside.run(*line, code=2)

    assert said in printed
    assert "--help says what it takes" in printed
    assert len(printed) < 10_000


def test_no_argument_at_all_shows_the_commands(inside: Inside) -> None:
    printed = inside.run(code=2)

    assert "calibrate" in printed
    assert "error" not in printed


@pytest.mark.parametrize("option", ["--help", "lock --help"])
def test_help_is_no_error(inside: Inside, option: str) -> None:
    assert "Usage" in inside.run(*option.split(), code=0)
