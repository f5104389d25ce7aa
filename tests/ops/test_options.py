"""What a person may type, and the files they name: refused in words, whatever it is."""

import pytest

from tests.ops.inside import Inside


@pytest.mark.parametrize(
    "command",
    [
        ("fit",),
        ("calibrate", "--nvidia-smi", "x"),
        ("lock",),
        ("render", "out"),
        ("weights", "--root", "v"),
        ("verify", "--url", "http://127.0.0.1:1"),
    ],
)
@pytest.mark.parametrize("stack", ["", "../t4", "a/b", "x\x1b[1m", "a b", "é", "x" * 300, "*"], ids=ascii)
def test_a8_a_stack_that_cannot_be_is_refused_in_words(inside: Inside, command: tuple[str, ...], stack: str) -> None:
    (inside.directory / "v" / ".blobs").mkdir(parents=True)
    printed = inside.run(*command, "--stack", stack)

    rule = "a stack's name has letters, digits, '-', '_' and '.', 100 at most"
    assert ("has a sign that acts on a terminal" if "\x1b" in stack else rule) in printed


def test_a8_a_stack_with_a_point_in_its_name_is_that_stack(inside: Inside) -> None:
    (inside.directory / "Pulumi.t4.yaml").rename(inside.directory / "Pulumi.my.stack.yaml")

    assert "Pulumi.my.yaml" not in inside.run("lock", "--check", code=0)
    assert "stack my.stack" in inside.run("fit", "--stack", "my.stack", "--offline", code=0)
    assert "name one of: my.stack" in inside.run("fit", "--stack", "my", code=2)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--gguf", "http://a..b/x.gguf"), "with one dot between them"),
        (("--gguf", "http://[::1/x.gguf"), "stands in brackets"),
        (("--gguf", "http://hü/x.gguf"), "visible ASCII"),
        (("--gguf", "http://user:pw-secret@h/x.gguf"), "no user and no password"),
        (("--gguf", "nowhere\x1b[1m.gguf"), "argument 3 has a sign that acts on a terminal"),
        (("--gguf", "nowhere.gguf"), "nowhere.gguf: No such file"),
        (("--gguf", "/dev/zero"), "is a pipe or a device, not a file"),
        (("\u202ex", "--stack", "t4"), "argument 2 has a sign that acts on a terminal"),
        (("--stack", "t4", "--config", "/dev/zero"), "more than 16 MiB"),
        (("--gguf", "x" * 300), "File name too long"),
        (("--gguf", "."), "Is a directory"),
        (("--gguf", "Pulumi.t4.yaml"), "it begins with '# ya', not with 'GGUF'"),
        (("--gguf", "Pulumi.t4.yaml", "--card", "[/red]"), "there is no card '[/red]'"),
        (("--gguf", "x", "--context", "99999999999"), "Invalid value"),
        (("--gguf", "x", "--parallel", "257"), "Invalid value"),
        (("--gguf", "x", "--ubatch", "1e3"), "Invalid value"),
        (("--stack", "t4", "--config", "/"), "Is a directory"),
        (("--stack", "t4", "--config", "nowhere"), "there is no nowhere"),
    ],
    ids=lambda it: repr(it)[:50],
)
def test_a8_what_fit_cannot_do_is_refused_in_words(inside: Inside, options: tuple[str, ...], said: str) -> None:
    context = ("--context", "64") if "--gguf" in options and "--context" not in options else ()

    printed = inside.run("fit", *options, *context, code=1 if "argument" in said else 2)

    assert said in printed
    assert "pw-secret" not in printed


BOMB = b"a0: &a0 [x, x]\n" + b"".join(
    b"a%d: &a%d [%s]\n" % (n, n, b",".join([b"*a%d" % (n - 1)] * 9)) for n in range(1, 20)
)
STACKS = {
    "Latin-1": b"config:\n  local-llm:stack: {x: \xe9}\n",
    "UTF-16 without a BOM": "config: 1".encode("utf-16-le"),
    "20000 levels": b"config: " + b"[" * 20000,
    "an alias bomb": BOMB,
    "a cyclic alias": b"config: &x {local-llm:stack: *x}",
    "a key twice": b"config: {local-llm:stack: {}, local-llm:stack: {}}",
    "conflict marks": b"config:\n<<<<<<< HEAD\n  a: 1\n=======\n  a: 2\n>>>>>>> x\n",
    "5000 digits": b"config: {local-llm:stack: {a: " + b"7" * 5000 + b"}}",
    "no date": b"config: {local-llm:stack: {a: 2099-02-30}}",
    "an escape sequence": b"config: \x1b[1m",
    "null": b"null",
    "nothing": b"",
    "HTML": b"<html>\n<p>",
}  # fmt: skip


@pytest.mark.parametrize("command", [("fit",), ("calibrate", "--nvidia-smi", "x"), ("lock",), ("render", "out")])
@pytest.mark.parametrize("case", STACKS)
def test_a2_to_a5_a_stack_file_that_cannot_be_read_is_refused_by_every_command(
    inside: Inside, command: tuple[str, ...], case: str
) -> None:
    (inside.directory / "Pulumi.t4.yaml").write_bytes(STACKS[case])
    options = ("--config", "Pulumi.t4.yaml") if command[0] == "render" else ()

    assert "Pulumi.t4.yaml" in inside.run(*command, "--stack", "t4", *options)


@pytest.mark.parametrize("command", [("fit", "--offline"), ("calibrate", "--nvidia-smi", "x"), ("lock",)])
@pytest.mark.parametrize("case", sorted(STACKS.keys() - {"null", "nothing"}))
def test_a2_to_a5_a_lock_that_cannot_be_read_is_refused_by_every_command(
    inside: Inside, command: tuple[str, ...], case: str
) -> None:
    (inside.directory / "models.lock.yaml").write_bytes(STACKS[case])

    printed = inside.run(*command, "--stack", "t4")

    assert "models.lock.yaml" in printed
    assert (inside.directory / "models.lock.yaml").read_bytes() == STACKS[case]
