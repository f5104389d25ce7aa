"""The offline plugins are installed only where the official ones are absent, and run as the engine runs plugins."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import provider_pb2_grpc

from dev.machine.steps import DevError
from dev.plugin.install import install, path, sdk_version
from tests.plugin.waiting import until

PYTHON = Path(sys.executable)
VERSION = "4.34.2"


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PULUMI_K8S_PLUGIN", raising=False)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")


def launcher(home: Path) -> Path:
    return path(home, VERSION)


def test_the_engine_is_given_exactly_the_version_of_the_sdk() -> None:
    import importlib.metadata

    assert sdk_version(PYTHON) == importlib.metadata.version("pulumi_kubernetes")


def test_without_an_official_plugin_the_offline_one_is_installed_again_and_again(tmp_path: Path) -> None:
    for _ in range(2):
        assert "offline one" in install(tmp_path, PYTHON, VERSION)
    assert os.access(launcher(tmp_path), os.X_OK)


def test_an_official_plugin_in_pulumi_home_is_left_alone(tmp_path: Path) -> None:
    official = launcher(tmp_path)
    official.parent.mkdir(parents=True)
    official.write_bytes(b"\x7fELF official")
    assert "official" in install(tmp_path, PYTHON, VERSION)
    assert official.read_bytes() == b"\x7fELF official"


def test_an_official_plugin_on_path_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    official = tmp_path / "bin" / "pulumi-resource-kubernetes"
    official.parent.mkdir()
    official.write_bytes(b"\x7fELF official")
    official.chmod(0o755)
    monkeypatch.setenv("PATH", str(official.parent))
    assert str(official) in install(tmp_path, PYTHON, VERSION)
    assert not launcher(tmp_path).exists()


def test_a_plugin_asked_for_by_the_environment_is_linked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_K8S_PLUGIN", "/bin/true")
    assert "/bin/true" in install(tmp_path, PYTHON, VERSION)
    assert launcher(tmp_path).resolve() == Path("/bin/true").resolve()
    monkeypatch.delenv("PULUMI_K8S_PLUGIN")
    assert "offline" in install(tmp_path, PYTHON, VERSION)
    assert not launcher(tmp_path).is_symlink()


def test_a_plugin_asked_for_that_is_not_there_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_K8S_PLUGIN", str(tmp_path))
    with pytest.raises(DevError, match="no executable file"):
        install(tmp_path, PYTHON, VERSION)


def test_the_plugin_prints_its_port_answers_and_ends_when_interrupted(tmp_path: Path) -> None:
    install(tmp_path, PYTHON, VERSION)
    with subprocess.Popen([launcher(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        port = int(process.stdout.readline())
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            info = provider_pb2_grpc.ResourceProviderStub(channel).GetPluginInfo(Empty(), timeout=300)
        assert info.version == VERSION
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=300)
    assert process.returncode == 0
    assert errors == b""


def test_a_plugin_whose_engine_was_killed_ends_by_itself(tmp_path: Path) -> None:
    install(tmp_path, PYTHON, VERSION)
    engine = f"'{launcher(tmp_path)}' & echo $! && wait"
    with subprocess.Popen(["sh", "-c", engine], stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout
        pid, _port = int(process.stdout.readline()), process.stdout.readline()
        process.kill()
    until(lambda: not Path(f"/proc/{pid}").exists() or ") Z " in Path(f"/proc/{pid}/stat").read_text())
