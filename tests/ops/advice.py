"""Commands that messages advise, each with what makes the message appear and that the command mends it.

tests/house/test_hints.py finds every such advice in the sources; test_advice.py here follows them.
"""

import os
import re
import shutil
from collections.abc import Callable

from pods.fetch.fetch import NEXT
from tests.ops import command, ggufs
from tests.ops.allocator import recorded, server
from tests.ops.desk import REPO, Desk

COMMIT = "0123456789" * 4
UPDATE, LOCK = "bin/local-llm lock --update X", "bin/local-llm lock"


def advised(printed: str) -> str:
    """The first command of ours that a message names."""
    found = re.search(r"bin/local-llm lock[^`,;.\n]*", printed)
    assert found, printed
    return found[0].strip()


def altered(desk: Desk, old: str, new: str) -> None:
    file, text = desk.directory / "models.lock.yaml", desk.text
    assert old in text
    file.write_text(text.replace(old, new))


def locked(desk: Desk, *models: str) -> None:
    desk.configure(*(models or ("a: {quant: Q4_K_M}", "b: {quant: Q8_0}")))
    desk.lock()


def follow(desk: Desk, *check: str) -> str:
    """What `ops lock` with `check` refuses is mended by the command that it names, and by nothing else."""
    printed = desk.lock(*check, code=1)
    desk.type(advised(printed))
    assert "has all " in desk.lock("--check")
    return printed


def not_locked(desk: Desk) -> None:
    desk.configure("a: {quant: Q4_K_M}")
    assert "It is not in models.lock.yaml" in follow(desk, "--check")


def another_quant(desk: Desk) -> None:
    locked(desk)
    desk.configure("a: {quant: Q8_0}", "b: {quant: Q8_0}")
    assert "models.lock.yaml has Q4_K_M for it" in follow(desk)


def two_that_differ(desk: Desk) -> None:
    """The command for one works while the other is not mended yet."""
    locked(desk)
    desk.configure("a: {quant: Q8_0}", "b: {quant: Q4_K_M}")
    desk.type(advised(desk.lock("--check", code=1)))
    follow(desk, "--check")


def another_projector(desk: Desk) -> None:
    locked(desk)
    desk.configure("a: {quant: Q4_K_M, mmproj: F16}", "b: {quant: Q8_0}")
    assert "models.a.mmproj: got 'F16'" in follow(desk, "--check")


def a_generation_of_other_files(desk: Desk) -> None:
    locked(desk)
    altered(desk, desk.models["a"].gen, "f" * 12)
    assert "It does not match its files" in follow(desk, "--check")


def bytes_that_no_file_has(desk: Desk) -> None:
    locked(desk)
    desk_file = desk.directory / "models.lock.yaml"
    desk_file.write_text(re.sub(r"gpu_bytes: \d+", "gpu_bytes: 1", desk.text, count=1))
    desk_file.write_text(re.sub(r"(role: model, path: a-Q4_K_M.gguf, size: )\d+", r"\g<1>9000000000", desk.text))
    assert "gguf.weights: got" in follow(desk, "--check")


def facts_from_elsewhere(desk: Desk) -> None:
    locked(desk)
    altered(desk, "source: header", "source: published")
    said = desk.lock("--check")
    assert "GPU memory can be bounded, not computed: a, b" in said
    desk.type(advised(said))
    assert "GPU memory" not in desk.lock("--check")


def one_entry_that_cannot_be_read(desk: Desk) -> None:
    locked(desk)
    altered(desk, f"commit: {desk.models['a'].commit}", "commit: main")
    assert "A commit has 40 digits" in follow(desk, "--check")


def every_entry_that_cannot_be_read(desk: Desk) -> None:
    locked(desk)
    altered(desk, "role: model", "role: modle")
    assert advised(desk.lock("--check", code=1)) == "bin/local-llm lock --update a b"
    follow(desk)


def models_of_llama_swap(desk: Desk) -> None:
    desk.configure("b: {quant: Q8_0}")
    stack = desk.directory / "Pulumi.dev.yaml"
    stack.write_text(
        stack.read_text() + "    namespace: llm\n    volume: {name: v, existing_claim: true}\n    gpu: {model: none}\n"
        "    server: {engine: llama-swap}\n    fetch: {}\n"
    )
    (desk.directory / "swap.yaml").write_text(f"models: {{a: {{cmd: llama-server -hf {REPO}:Q4_K_M -c 64}}}}\n")
    options = ("--from-llama-swap", "swap.yaml", "--stack", "dev", "--write")
    ran = command.run("adopt", *options, code=0, cwd=desk.directory)
    assert "It is not in models.lock.yaml" in desk.lock("--check", code=1)
    desk.type(advised(ran.stdout + ran.stderr))
    assert "has all " in desk.lock("--check")


def no_lock(desk: Desk) -> None:
    desk.configure("a: {quant: Q4_K_M}")
    stack = desk.directory / "Pulumi.dev.yaml"
    stack.write_text(
        stack.read_text()
        + "    namespace: llm\n    volume: {name: v, size_gib: 9}\n    gpu: {model: t4}\n    server: {}\n"
        "    fetch: {}\n"
    )
    printed = command.fit("--stack", "dev", "--offline", code=2, cwd=desk.directory)
    assert "there is no models.lock.yaml here" in printed
    desk.type(advised(printed))
    assert "no models.lock.yaml" not in command.fit("--stack", "dev", "--offline", code=2, cwd=desk.directory)


def a_lock_that_is_not_yaml(desk: Desk) -> None:
    locked(desk)
    altered(desk, "models:", "models: [")
    printed = desk.lock("--check", code=1)
    assert "or delete it and run `bin/local-llm lock`" in printed
    (desk.directory / "models.lock.yaml").unlink()
    desk.type(advised(printed))
    assert "has all " in desk.lock("--check")


def a_lock_of_something_else(desk: Desk) -> None:
    locked(desk)
    (desk.directory / "models.lock.yaml").write_text("- a\n- b\n")
    printed = desk.lock("--check", code=1)
    (desk.directory / "models.lock.yaml").unlink()
    desk.type(advised(printed))
    assert "has all " in desk.lock("--check")


def an_entry_under_no_id(desk: Desk) -> None:
    locked(desk)
    lines = desk.text.splitlines(keepends=True)
    at = lines.index("  b:\n")
    (desk.directory / "models.lock.yaml").write_text("".join([*lines[:at], "  B b:\n", *lines[at + 1 :]]))
    printed = desk.lock("--check", code=1)
    assert "Delete the entry and run `bin/local-llm lock`" in printed
    (desk.directory / "models.lock.yaml").write_text("".join(lines[:at]))
    desk.type(advised(printed))
    assert "has all " in desk.lock("--check")


def a_change_on_request_only(desk: Desk) -> None:
    locked(desk)
    printed = desk.lock("a", code=1)
    assert "changes only on request" in printed
    assert "nothing changed" in desk.type(advised(printed))


def files_of_two_repositories(desk: Desk) -> None:
    other = "org/other-GGUF"
    for repo in (REPO, other):
        shutil.copytree(desk.hub.repos.root / REPO, desk.directory / "files" / repo)
    desk.configure("a: {quant: Q4_K_M}", f"b: {{quant: Q8_0, repo: {other}}}")
    desk.endpoint = "http://127.0.0.1:1"
    said = desk.lock("--from", "files", "--commit", COMMIT, code=1)
    for model_id in "ab":
        text = advised(said)
        for word, value in {"ID": model_id, "DIR": "files", "COMMIT": COMMIT}.items():
            text = text.replace(word, value)
        desk.type(text)
    assert "has all " in desk.lock("--check")


def a_file_that_changed_at_the_hub(desk: Desk) -> None:
    """What a fetch Job says of it; the Job itself is run by tests/pods/fetch."""
    locked(desk, "a: {quant: Q4_K_M}")
    before = desk.models["a"]
    desk.offer("a-Q4_K_M.gguf", vocabulary=50)
    for code in (65, 66):
        desk.type(advised(NEXT[code].format(id="a", endpoint="")))
    assert desk.models["a"].files[0].sha256 != before.files[0].sha256


def llama_server(desk: Desk, says: str = recorded.WINDOWS) -> None:
    """One at hand; the tests' own setting comes back afterwards (tests/ops/conftest.py)."""
    (desk.directory / "llama").mkdir(exist_ok=True)
    os.environ["LLAMA_SERVER"] = str(server.write(desk.directory / "llama" / "llama-server", says))


def on_card(desk: Desk, model: str) -> None:
    """A whole stack with a card."""
    desk.configure(model)
    stack = desk.directory / "Pulumi.dev.yaml"
    rest = "namespace: llm\nvolume: {name: v, size_gib: 9}\ngpu: {model: t4}\nserver: {}\nfetch: {}\n"
    stack.write_text(stack.read_text() + "".join(f"    {line}\n" for line in rest.splitlines()))


def a_way_to_serve_without_figures(desk: Desk) -> None:
    llama_server(desk)
    on_card(desk, "a: {quant: Q4_K_M}")
    desk.lock()
    on_card(desk, "a: {quant: Q4_K_M, ubatch: 1024}")
    printed = desk.lock("--check")
    assert "was not asked about kv_type f16, 1 slot, ubatch 1024" in printed
    desk.type(advised(printed))
    assert "was not asked" not in desk.lock("--check")


def an_architecture_without_a_formula(desk: Desk) -> None:
    ggufs.write(desk.hub.repos.root / REPO / "a-Q4_K_M.gguf", "granola", {"context_length": 32768})
    on_card(desk, "a: {quant: Q4_K_M}")
    desk.lock()
    printed = command.fit("--stack", "dev", "--offline", code=2, cwd=desk.directory)
    assert "architecture granola is not known" in printed
    llama_server(desk)
    desk.type(advised(printed))
    assert "granola" not in command.fit("--stack", "dev", "--offline", cwd=desk.directory)


def experts_that_an_older_lock_does_not_know(desk: Desk) -> None:
    experts = {"blk.0.ffn_up_exps.weight": ((256, 512, 4), ggufs.Type.Q4_K)}
    keys = {"context_length": 32768, "block_count": 1, "expert_count": 4, "expert_used_count": 2}
    tensors = {**ggufs.DENSE, **experts}
    ggufs.write(desk.hub.repos.root / REPO / "a-Q4_K_M.gguf", "granola", keys, tensors)
    llama_server(desk)
    on_card(desk, "a: {quant: Q4_K_M, cpu_moe: all}")
    desk.lock()
    file = desk.directory / "models.lock.yaml"
    file.write_text(re.sub(r" expert_bytes: \[\d+\], expert_matrix_bytes: \d+,", "", desk.text))
    printed = command.fit("--stack", "dev", "--offline", code=2, cwd=desk.directory)
    assert "models.lock.yaml lacks the size of its experts" in printed
    desk.type(advised(printed))
    assert "the experts of all its layers" in command.fit("--stack", "dev", "--offline", cwd=desk.directory)


FOLLOWED: dict[tuple[str, str], list[Callable[[Desk], None]]] = {
    ("plan/models/agreement.py", UPDATE): [
        not_locked,
        another_quant,
        two_that_differ,
        another_projector,
        a_generation_of_other_files,
        bytes_that_no_file_has,
    ],
    ("plan/models/fact_gaps.py", UPDATE): [facts_from_elsewhere],
    ("plan/models/lock.py", UPDATE): [one_entry_that_cannot_be_read, every_entry_that_cannot_be_read],
    ("plan/models/lock.py", LOCK): [a_lock_that_is_not_yaml, a_lock_of_something_else, an_entry_under_no_id],
    ("ops/stack/lock_file.py", LOCK): [no_lock],
    ("ops/adopt/command.py", LOCK): [models_of_llama_swap],
    ("ops/lock/command.py", UPDATE): [a_change_on_request_only],
    ("ops/lock/figures.py", UPDATE): [a_way_to_serve_without_figures],
    ("plan/card/model_rules.py", UPDATE): [experts_that_an_older_lock_does_not_know],
    ("plan/card/model_memory.py", UPDATE): [an_architecture_without_a_formula],
    ("ops/lock/directory.py", "bin/local-llm lock --update ID --from DIR --commit COMMIT"): [files_of_two_repositories],
    ("pods/fetch/fetch.py", UPDATE): [a_file_that_changed_at_the_hub],
}
