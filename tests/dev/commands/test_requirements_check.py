"""What `python -m dev up` refuses before it changes anything: an error, the next command, no traceback."""

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.cluster import disk
from dev.commands import requirements_check
from dev.machine.instance import Instance
from dev.pulumi.stackfile import ROOT
from plan import config
from tests import committed, stacks

REFUSED = Instance("t-refused")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose stack file a test may spoil, with the lock of the tests' stacks."""
    for name in ("__main__.py", "Pulumi.yaml", "plan", "observe", "dev"):
        copy: Callable[..., object] = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    shutil.copy(stacks.EXAMPLE / "models.lock.yaml", tmp_path)
    return tmp_path


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", place], check=True)
    yield place
    subprocess.run(["umount", place], check=True)


@pytest.fixture(scope="module", autouse=True)
def nothing_stays() -> Iterator[None]:
    """Should one of these be let through after all, it goes up to the end."""
    yield
    subprocess.run([sys.executable, "-m", "dev", "--instance", REFUSED.name, "clean"], cwd=ROOT, check=True)


def refused(*arguments: str, command: str = "up", cwd: Path = ROOT, code: int = 1, **env: str) -> str:
    """Run the command, which must refuse and change nothing; returns what it said."""
    argv = [sys.executable, "-m", "dev", "--instance", REFUSED.name, *arguments, command]
    done = subprocess.run(argv, cwd=cwd, env={**os.environ, **env}, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "error: " in done.stderr
    assert re.search(r"\n  next: |: use ", done.stderr), done.stderr
    assert done.stdout == "", "nothing was begun"
    assert not REFUSED.state.exists()
    assert not REFUSED.run.exists()
    return done.stderr


def spoil(checkout: Path, change: Callable[[dict[str, Any]], object], *arguments: str, command: str = "up") -> str:
    value = stacks.raw("cpu")
    del value["cluster"]
    change(value)
    (checkout / "Pulumi.dev.yaml").write_text(yaml.safe_dump({"config": {config.KEY: value}}))
    said = refused(*arguments, command=command, cwd=checkout)
    assert ("correct Pulumi.dev.yaml" in said) is ("bin/local-llm lock" not in said), "one next step, and the right one"
    return said


def test_an_unknown_key_is_refused_with_its_path(checkout: Path) -> None:
    assert f"{config.KEY}.gpu.modle" in spoil(checkout, lambda value: value["gpu"].update(modle="t4"))


@pytest.mark.parametrize(
    ("command", "cluster"),
    [("engine", "engine"), ("preview", "embedded"), ("preview", "engine"), ("preview", "current"), ("up", "engine")],
)
def test_every_command_reads_the_configuration_before_it_starts_anything(
    checkout: Path, command: str, cluster: str
) -> None:
    said = spoil(checkout, lambda value: value["gpu"].update(modle="t4"), "--cluster", cluster, command=command)

    assert f"{config.KEY}.gpu.modle" in said


def test_a_preview_of_the_embedded_machine_does_not_start_it() -> None:
    said = refused(command="preview")

    assert f"the embedded machine {REFUSED.name} does not run" in said
    assert f"run `make up INSTANCE={REFUSED.name}` first" in said


def test_a_wrong_type_is_refused_with_the_value(checkout: Path) -> None:
    assert "five" in spoil(checkout, lambda value: value["volume"].update(size_gib="five"))


def test_a_model_without_a_lock_is_refused_with_the_command_that_locks_it(checkout: Path) -> None:
    model = {"repo": "a/b", "quant": "Q4_K_M", "context": 4096}

    said = spoil(checkout, lambda value: value["models"].update({"new-model": model}))

    assert "new-model" in said
    assert "next: `bin/local-llm lock --update new-model`, then run this again" in said


def unlocked(checkout: Path) -> None:
    (checkout / "models.lock.yaml").unlink()


def of_another_quantization(checkout: Path) -> None:
    lock = checkout / "models.lock.yaml"
    lock.write_text(lock.read_text().replace("quant: Q3_K_M", "quant: Q2_K"))


def of_another_generation(checkout: Path) -> None:
    lock = checkout / "models.lock.yaml"
    lock.write_text(re.sub("gen: [0-9a-f]{12}", f"gen: {'a' * 12}", lock.read_text()))


@pytest.mark.parametrize("spoilt", [unlocked, of_another_quantization, of_another_generation])
def test_a_preview_and_lock_check_name_the_same_command_for_the_same_fault(
    checkout: Path, spoilt: Callable[[Path], None]
) -> None:
    spoilt(checkout)
    said = spoil(checkout, lambda _: None, "--cluster", "engine", command="preview")

    argv = [sys.executable, "-m", "ops", "lock", "--check", "--stack", "dev"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    checked = subprocess.run(argv, cwd=checkout, env=env, capture_output=True, text=True, check=False)

    assert checked.returncode == 1
    named = re.findall(r"Run `(bin/local-llm lock [^`]+)`", checked.stderr)
    assert named
    assert re.findall(r"Run `(bin/local-llm lock [^`]+)`", said) == named
    assert f"next: `{named[0]}`, then run this again" in said


@pytest.mark.parametrize("section", ["gpu", "server", "volume"])
def test_text_where_a_section_belongs_is_refused_with_its_path(checkout: Path, section: str) -> None:
    assert f"{config.KEY}.{section}" in spoil(checkout, lambda value: value.update({section: "t4"}))


def test_two_homes_of_one_volume_are_refused(checkout: Path) -> None:
    nfs = {"server": "nas", "path": "/models"}

    assert "exactly one of nfs, local" in spoil(checkout, lambda value: value["volume"].update(nfs=nfs))


@pytest.mark.parametrize("name", ["Gemma", "gemma_3", "g" * 64])
def test_a_name_kubernetes_would_refuse_is_refused(checkout: Path, name: str) -> None:
    assert name in spoil(checkout, lambda value: value["models"].update({name: value["models"].popitem()[1]}))


def test_an_unknown_stack_is_refused_with_those_there_are() -> None:
    assert f"one of: {', '.join(committed.NAMES)}" in refused("--stack", "live")


def test_a_stack_name_that_is_a_pattern_in_the_backend_is_refused() -> None:
    assert "'my_stack'" in refused("--stack", "my_stack", code=2)


def test_an_instance_name_that_is_no_name_is_told_without_a_traceback() -> None:
    assert "'A_b'" in refused("--instance", "A_b", code=1)


def test_a_missing_context_is_refused_with_the_reason(checkout: Path) -> None:
    said = spoil(checkout, lambda value: value["models"]["gemma-3-270m-q4"].pop("context"))

    assert "models.gemma-3-270m-q4.context" in said
    assert "left out, llama.cpp shrinks the context" in said


def test_no_kubeconfig_is_refused_with_the_variable_to_set(checkout: Path) -> None:
    value = stacks.raw("cpu")
    (checkout / "Pulumi.dev.yaml").write_text(yaml.safe_dump({"config": {config.KEY: value}}))

    said = refused("--cluster", "current", cwd=checkout, KUBECONFIG="/nowhere")

    assert "KUBECONFIG=/nowhere is not a file" in said


def test_a_state_that_no_other_machine_finds_is_refused_unless_a_person_says_so(checkout: Path) -> None:
    value = stacks.raw("cpu")
    (checkout / "Pulumi.dev.yaml").write_text(yaml.safe_dump({"config": {config.KEY: value}}))
    nowhere = dict.fromkeys(("PGHOST", "PGSERVICE", "PULUMI_BACKEND_URL"), "")
    (checkout / "kubeconfig").touch()

    said = refused("--cluster", "current", cwd=checkout, KUBECONFIG=str(checkout / "kubeconfig"), **nowhere)

    assert "nothing says where the state lies: PGHOST, PGSERVICE and PULUMI_BACKEND_URL are not set" in said


def test_a_port_in_use_is_refused_with_its_holder_and_the_variable_that_chooses_another() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refused(LOCAL_LLM_PORT=str(port))

    assert f"port {port} of 127.0.0.1 is in use by" in said
    assert f"pid={os.getpid()}" in said
    assert "LOCAL_LLM_PORT=" in said


@pytest.mark.parametrize("value", ["http", "0", "70000"])
def test_a_port_that_is_none_is_refused(value: str) -> None:
    assert f"LOCAL_LLM_PORT={value}" in refused(LOCAL_LLM_PORT=value)


def test_a_disk_too_full_is_refused_with_the_need_and_is_left_alone(small_disk: Path) -> None:
    said = refused(LOCAL_LLM_STATE=str(small_disk / "state"))

    assert "0.1 GiB free, 5.0 GiB needed" in said
    assert list(small_disk.iterdir()) == []


def test_a_machine_that_has_yet_to_build_its_tools_needs_more_room(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []
    monkeypatch.setattr(requirements_check.disk, "require_space", lambda needed_gib: asked.append(needed_gib))

    monkeypatch.setattr(requirements_check.tools, "find", lambda _: Path("/usr/bin"))
    requirements_check.embedded(REFUSED, "dev")
    monkeypatch.setattr(requirements_check.tools, "find", lambda _: None)
    requirements_check.embedded(REFUSED, "dev")

    assert asked == [disk.NEEDED_GIB, disk.BUILD_GIB]
