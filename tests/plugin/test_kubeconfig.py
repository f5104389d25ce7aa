"""Kubeconfig files: which cluster, which credentials, and what is said when they cannot be used."""

import json
from pathlib import Path
from typing import Any

import pytest

from dev.plugin.api.kubeconfig import ConfigError, load
from dev.plugin.api.settings import Settings


def config(user: dict[str, Any], **context: str) -> dict[str, Any]:
    return {
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u", **context}}],
        "current-context": "x",
    }


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    return tmp_path / "config"


def test_the_ambient_file_names_server_namespace_and_token(path: Path) -> None:
    path.write_text(json.dumps(config({"token": "t"}, namespace="n")))
    assert load(Settings())[:2] == ("http://127.0.0.1:1", "n")
    assert load(Settings()).headers == {"Authorization": "Bearer t"}
    assert load(Settings(namespace="given")).namespace == "given"


def test_of_several_files_the_first_that_says_something_wins(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = config({"token": "t"})
    second = path.with_name("second")
    second.write_text(json.dumps(whole))
    path.write_text(json.dumps({"clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:2"}}]}))
    monkeypatch.setenv("KUBECONFIG", f"{path}:{second}:{path.with_name('missing')}")
    assert load(Settings()).server == "http://127.0.0.1:2"


def test_files_it_names_are_found_beside_it(path: Path) -> None:
    path.with_name("token").write_text("from-file\n")
    path.write_text(json.dumps(config({"tokenFile": "token"})))
    assert load(Settings()).headers == {"Authorization": "Bearer from-file"}


def test_a_helper_command_gives_the_token(path: Path) -> None:
    credentials = '{"status": {"token": "\'$NAME\'"}}'
    helper = {"command": "sh", "args": ["-c", f"echo '{credentials}'"], "env": [{"name": "NAME", "value": "helped"}]}
    path.write_text(json.dumps(config({"exec": {"apiVersion": "client.authentication.k8s.io/v1", **helper}})))
    assert load(Settings()).headers == {"Authorization": "Bearer helped"}


@pytest.mark.parametrize(
    ("text", "settings", "said"),
    [
        ("a: [", Settings(), "neither YAML nor JSON"),
        ("- a", Settings(), "must be a mapping"),
        (json.dumps(config({})), Settings(context="other"), "no context 'other'"),
        (json.dumps(config({"exec": {"command": "false"}})), Settings(), "false gave no credentials"),
        (json.dumps(config({"exec": {"command": "no-such-helper"}})), Settings(), "no-such-helper gave no credentials"),
        (json.dumps(config({})), Settings(kubeconfig="/no/such/file"), "no kubeconfig at /no/such/file"),
        (json.dumps(config({})), Settings(cluster="other"), "names no server"),
    ],
)
def test_what_cannot_be_used_is_named_with_the_way_out(path: Path, text: str, settings: Settings, said: str) -> None:
    path.write_text(text)
    with pytest.raises(ConfigError, match=said):
        load(settings)


def test_a_broken_file_with_a_token_in_it_is_not_quoted(path: Path) -> None:
    path.write_text("users: [{token: s3cr3t")
    with pytest.raises(ConfigError) as caught:
        load(Settings())
    assert "s3cr3t" not in str(caught.value)
