"""`ops lock` as a person runs it: a real process, the real library, a hub on this machine."""

import contextlib
import hashlib
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable

import pytest

from dev.hub import Rule
from tests.ops import ggufs
from tests.ops.advice import advised
from tests.ops.desk import REPO, ROOT, SECRET, Desk


def test_a_model_is_resolved_to_commit_bytes_and_header_facts(desk: Desk) -> None:
    desk.configure("a: {quant: Q4_K_M, mmproj: F16}")

    printed = desk.lock()

    model = desk.models["a"]
    repo = desk.hub.repos.get(REPO)
    assert repo is not None
    assert (model.commit, model.revision) == (repo.commit, "main")
    assert [(file.role, file.path) for file in model.files] == [
        ("model", "a-Q4_K_M.gguf"),
        ("mmproj", "mmproj-a-F16.gguf"),
    ]
    for file in model.files:
        content = (desk.hub.repos.root / REPO / file.path).read_bytes()
        assert (file.size, file.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    shape, weights, projector = model.gguf.shape, model.gguf.weights, model.gguf.projector
    assert (shape.architecture, shape.context_length, shape.source) == ("llama", 32768, "header")
    assert weights
    assert weights.gpu_bytes + weights.input_bytes == ggufs.bytes_of(ggufs.DENSE)
    assert projector
    assert (projector.projector_type, projector.weight_bytes) == ("resampler", ggufs.bytes_of(ggufs.BLOCK))
    assert model.commit[:12] in printed
    assert "mmproj-a-F16.gguf" in printed
    assert max(map(len, printed.splitlines())) <= 80, "it is read in a terminal of 80 columns"
    assert "HF_ENDPOINT is for this command; the cluster asks the stack's `fetch.endpoint`." in printed
    assert not any(row["authorization"] for row in desk.hub.log if row["origin"] == "cdn")


def test_a_locked_model_is_left_alone_and_nobody_is_asked(desk: Desk) -> None:
    desk.configure("a: {quant: Q4_K_M}")
    desk.lock()
    before = desk.text
    desk.hub.log.clear()
    assert "nothing changed" in desk.lock()
    assert (desk.text, desk.hub.log) == (before, [])


def test_a_model_that_only_got_another_id_keeps_its_bytes_and_no_hub_is_asked(desk: Desk) -> None:
    desk.configure("a: {quant: Q4_K_M, mmproj: F16}", "b: {quant: Q8_0}")
    desk.lock()
    before = desk.models
    desk.configure("renamed: {quant: Q4_K_M, mmproj: F16}", "b: {quant: Q8_0}")
    refused = desk.lock("--check", code=1)
    desk.endpoint = "http://127.0.0.1:1"

    printed = desk.lock(*advised(refused).split()[2:])

    assert desk.models["renamed"] == before["a"]
    assert "renamed: models.lock.yaml has the same files for a, so no hub was asked" in printed
    assert "bin/local-llm lock --update renamed" in printed
    assert "has all " in desk.lock("--check")
    desk.lock("--update", "renamed", code=1)  # which is there now, so this asks the hub


@pytest.mark.parametrize("renamed", ["{quant: Q8_0}", "{quant: Q4_K_M, mmproj: F16}", "{quant: Q4_K_M, revision: v2}"])
def test_what_is_not_the_very_same_files_is_asked_for(desk: Desk, renamed: str) -> None:
    desk.configure("a: {quant: Q4_K_M}")
    desk.lock()
    desk.configure(f"c: {renamed}")
    desk.endpoint = "http://127.0.0.1:1"

    assert "c" not in desk.models
    assert "127.0.0.1:1" in desk.lock(code=1)


def test_an_entry_with_a_fault_is_not_taken_over(desk: Desk) -> None:
    desk.configure("a: {quant: Q4_K_M}")
    desk.lock()
    broken = desk.text.replace(desk.models["a"].gen, "a" * 12)
    (desk.directory / "models.lock.yaml").write_text(broken)
    desk.configure("c: {quant: Q4_K_M}")

    assert "no hub was asked" not in desk.lock()
    assert desk.models["c"].gen != "a" * 12


def test_without_a_stack_the_models_of_all_stacks_are_locked_and_one_id_has_one_source(desk: Desk) -> None:
    desk.configure("a: {quant: Q4_K_M}")
    desk.configure("a: {quant: Q4_K_M}", "b: {quant: Q8_0}", stack="prod")
    desk.lock()
    assert desk.models.keys() == {"a", "b"}

    desk.configure("a: {quant: Q8_0}", stack="prod")
    assert "a means one thing in stack dev and another in prod" in desk.lock(code=1)


def test_update_touches_the_named_models_and_no_other_stack_s(desk: Desk) -> None:
    desk.configure("b: {quant: Q8_0}", stack="prod")
    desk.lock("--stack", "prod")
    desk.configure("c: {quant: Q8_0}", "a: {quant: Q4_K_M}")
    desk.lock()
    before = desk.models
    assert list(before) == ["a", "b", "c"]
    desk.offer("a-Q4_K_M.gguf", vocabulary=50)
    desk.offer("a-Q8_0.gguf", vocabulary=50)

    printed = desk.lock("--update", "a")

    after = desk.models
    assert (after["b"], after["c"]) == (before["b"], before["c"])
    assert (after["a"].gen, after["a"].commit) != (before["a"].gen, before["a"].commit)
    assert before["a"].gen in printed, "it shows what it replaces"
    assert after["a"].gen in printed


def test_a_changed_quant_is_refused_with_the_command_that_allows_it(desk: Desk) -> None:
    desk.configure("a: {quant: Q4_K_M}")
    desk.lock()
    desk.configure("a: {quant: Q8_0}")
    for arguments in ([], ["--check"]):
        printed = desk.lock(*arguments, code=1)
        assert "models.a.quant: got 'Q8_0'. models.lock.yaml has Q4_K_M for it." in printed
        assert "Run `bin/local-llm lock --update a`" in printed
    printed = desk.lock("--update", "a")
    assert desk.models["a"].files[0].path == "a-Q8_0.gguf"
    before, after = printed.split("+ a: ")
    assert re.match(r"- a: Q4_K_M, 0 MiB, commit \w{12}, \w{12}\n    a-Q4_K_M.gguf\n", before), "what it was"
    assert re.match(r"Q8_0, 0 MiB, commit \w{12}, \w{12}\n    a-Q8_0.gguf\n", after)

    desk.configure("a: {quant: Q8_0, mmproj: F16}")
    assert "models.a.mmproj: got 'F16'. models.lock.yaml has none for it." in desk.lock("--check", code=1)


@pytest.mark.parametrize(
    ("altered", "said"),
    [
        (lambda text: text.replace("sha256: ", "sha256: x"), "models.a.files.0.sha256: got 'x"),
        (lambda text: text.replace("commit: ", "commit: main#"), "models.a.commit"),
        (lambda text: text.replace("- {role: model,", "- {role: model, part: 1/2,"), "are not one whole model"),
    ],
)
def test_a_lock_that_a_hand_or_a_merge_damaged_does_not_pass_check(
    desk: Desk, altered: Callable[[str], str], said: str
) -> None:
    desk.configure("a: {quant: Q4_K_M}")
    desk.lock()
    lock = desk.directory / "models.lock.yaml"
    text = altered(desk.text)
    assert text != desk.text
    lock.write_text(text)
    assert said in desk.lock("--check", code=1)


def test_check_asks_nobody_and_names_what_is_not_locked(desk: Desk) -> None:
    desk.configure("a: {quant: Q4_K_M}", "b: {quant: Q8_0}")
    printed = desk.lock("--check", code=1)
    assert [f"models.{key}: got '{key}'. It is not in models.lock.yaml" in printed for key in "ab"] == [True, True]
    assert desk.hub.log == []
    desk.lock()
    whole, note = desk.lock("--check").splitlines()
    assert whole == "models.lock.yaml has all 2 models of any stack", "every fact is from a header"
    assert note == "b is called Q8_0, and most numbers in its blocks are Q4_K: its quality is that of Q4_K."
    lock = desk.directory / "models.lock.yaml"
    lock.write_text(lock.read_text().replace("a-Q8_0", "b-Q8_0").replace(desk.models["b"].gen, "f" * 12))
    assert "does not match its files" in desk.lock("--check", code=1)


def test_facts_from_elsewhere_are_named_by_check_and_replaced_by_update(desk: Desk) -> None:
    desk.configure("a: {quant: Q4_K_M}", stack="prod")
    desk.lock("--stack", "prod")
    lock, whole = desk.directory / "models.lock.yaml", desk.text
    published = [
        line.replace("source: header", "source: published") for line in whole.splitlines() if "weights:" not in line
    ]
    lock.write_text("\n".join(published) + "\n")

    checked = desk.lock("--stack", "prod", "--check")
    assert "a (no block_count, embedding_length and" in checked
    command = checked.split("`")[1].removeprefix("bin/local-llm lock ")

    printed = desk.lock(*command.split())

    assert desk.text == whole, "the command it names is one that ops accepts"
    assert "shape: published" in printed, "it shows what it replaces"
    assert "weights: header" in printed


def test_a_split_model_is_read_part_by_part(desk: Desk) -> None:
    directory = desk.hub.repos.root / REPO
    for file in directory.iterdir():
        file.unlink()
    ggufs.write(directory / "a-Q4_K_M.gguf", pairs={"context_length": 64}, split=4)
    desk.configure("a: {quant: Q4_K_M}")
    desk.lock()
    model = desk.models["a"]
    assert [file.part for file in model.files] == ["1/2", "2/2"]
    assert model.gguf.weights
    assert model.gguf.weights.gpu_bytes + model.gguf.weights.input_bytes == ggufs.bytes_of(ggufs.DENSE)


def test_a_header_longer_than_one_read_needs_a_hub_that_answers_ranges(desk: Desk) -> None:
    desk.offer("a-Q4_K_M.gguf", vocabulary=500_000)
    desk.configure("a: {quant: Q4_K_M}")
    desk.lock()
    ranges = [row["range"] for row in desk.hub.log if row["origin"] == "cdn"]
    assert ranges[0] == "bytes=0-8388607"
    assert ranges[1].startswith("bytes=8388608-"), "no byte is asked for twice"
    desk.hub.faults.set(Rule("cdn", ignore_range=True))
    assert "from its beginning, whatever part is requested" in desk.lock("--update", code=1)


def test_a_file_that_is_no_whole_model_is_named_with_its_fault(desk: Desk) -> None:
    file = desk.hub.repos.root / REPO / "a-Q4_K_M.gguf"
    os.truncate(file, file.stat().st_size - 4096)
    desk.configure("a: {quant: Q4_K_M}")
    printed = desk.lock(code=1)
    assert f"{REPO}/a-Q4_K_M.gguf is not a usable GGUF file: its tensors need" in printed


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (Rule("api", status=503), "answered HTTP 503"),
        (Rule("api", status=404, headers={"X-Error-Code": "RepoNotFound"}), "there is no org/tiny-GGUF"),
        (Rule("api", status=404, headers={"X-Error-Code": "RevisionNotFound"}), "no revision 'main'"),
        (Rule("api", token="another"), "is gated\n  next: accept its licence there and set HF_TOKEN"),
        (Rule("cdn", status=500), "answered HTTP 500"),
    ],
)
def test_a_refusal_of_the_hub_is_one_message_and_no_change(desk: Desk, rule: Rule, said: str) -> None:
    desk.configure("a: {quant: Q4_K_M}")
    desk.hub.faults.set(rule)
    assert said in desk.lock(code=1)
    assert not (desk.directory / "models.lock.yaml").exists()


def test_a_gated_repository_is_opened_by_the_environments_token(desk: Desk) -> None:
    desk.configure("a: {quant: Q4_K_M}")
    desk.hub.faults.set(Rule("api", token=SECRET))
    desk.lock()
    assert desk.models.keys() == {"a"}


def test_a_person_at_a_terminal_sees_which_model_is_asked_for(desk: Desk) -> None:
    desk.configure("a: {quant: Q4_K_M}", "b: {quant: Q8_0}")
    terminal, theirs = pty.openpty()
    env = {**os.environ, "PYTHONPATH": str(ROOT), "HF_ENDPOINT": desk.endpoint, "TERM": "xterm"}
    argv = [sys.executable, "-m", "ops", "lock"]
    shown = bytearray()
    with subprocess.Popen(argv, cwd=desk.directory, env=env, stdout=subprocess.DEVNULL, stderr=theirs) as process:
        os.close(theirs)
        with contextlib.suppress(OSError):  # how a terminal says that nobody writes to it any more
            while True:
                shown += os.read(terminal, 4096)
    os.close(terminal)
    assert process.returncode == 0
    assert f"b (2 of 2): asking the hub for {REPO}" in shown.decode()


def test_a_hub_that_is_not_there_is_named_with_its_address(desk: Desk) -> None:
    desk.configure("a: {quant: Q4_K_M}")
    desk.endpoint = "http://127.0.0.1:1"
    printed = desk.lock(code=1)
    assert "http://127.0.0.1:1 cannot be reached" in printed
    assert "HF_ENDPOINT" in printed


def test_unusable_requests_say_what_would_be_usable(desk: Desk) -> None:
    assert "there is no Pulumi.staging.yaml" in desk.lock("--stack", "staging", code=1)
    desk.configure("a: {quant: Q5_K_M}")
    assert "there are Q4_K_M, Q8_0" in desk.lock(code=1)
    assert "only on request" in desk.lock("a", code=1)
    assert "is not a model of any stack" in desk.lock("--update", "z", code=1)
    desk.configure("a: {quant: Q4_K_M, quantum: 1}")
    assert "models.a.quantum" in desk.lock(code=1)


def test_help_does_not_wait_for_the_hub_s_library() -> None:
    script = "import sys, ops.__main__; print('huggingface_hub' in sys.modules, 'rich.table' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.split()[0] == "False"


def test_a_repository_that_nobody_has_named_yet_is_asked_of_no_hub(desk: Desk) -> None:
    desk.configure("a: {quant: Q8_0}", "b: {repo: OWNER/NAME, quant: Q8_0}")
    said = desk.lock(code=1)
    assert "b: OWNER/NAME stands for a repository that nobody has named yet" in said
    assert "write there the one that has the file" in said
    desk.configure(f"a: {{repo: {REPO}, quant: Q8_0, draft: {{repo: OWNER/NAME, quant: Q8_0}}}}")
    assert "a: OWNER/NAME stands for" in desk.lock(code=1)
