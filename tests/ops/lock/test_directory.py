"""`ops lock --from DIR`: the same lock as from a hub, without one; what cannot be known is asked for."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ops import ggufs
from tests.ops.desk import REPO, Desk

COMMIT = "0123456789" * 4
_DOWNLOAD = f"""
import sys
from huggingface_hub import snapshot_download
snapshot_download("{REPO}", **{{sys.argv[1]: sys.argv[2]}})
"""


@pytest.fixture
def files(desk: Desk, tmp_path: Path) -> Path:
    """A directory laid out as OWNER/NAME/..., and a hub that nobody reaches any more."""
    shutil.copytree(desk.hub.repos.root / REPO, tmp_path / "files" / REPO)
    desk.configure("a: {quant: Q4_K_M, mmproj: F16}")
    desk.endpoint = "http://127.0.0.1:1"
    return tmp_path / "files"


def downloaded(desk: Desk, how: str, to: Path) -> None:
    """Have the hub's own library write its files, as it lays them out."""
    env = {**os.environ, "HF_ENDPOINT": desk.hub.endpoint, "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    subprocess.run([sys.executable, "-c", _DOWNLOAD, how, str(to)], env=env, check=True, timeout=300)


def test_files_of_a_directory_give_the_lock_that_the_hub_gives(desk: Desk, files: Path) -> None:
    desk.endpoint = desk.hub.endpoint
    desk.lock()
    from_hub, commit = desk.text, desk.models["a"].commit
    desk.hub.log.clear()
    (desk.directory / "models.lock.yaml").unlink()

    printed = desk.lock("--from", str(files), "--commit", commit)

    assert desk.text == from_hub
    assert desk.hub.log == []
    assert re.search(r"a-Q4_K_M\.gguf +━+ .*KiB", printed), "hashing gigabytes shows how far it is"
    assert "The cluster fetches them from `fetch.endpoint`" in printed
    assert "nothing changed" in desk.lock("--update", "a", "--from", str(files), "--commit", commit)


@pytest.mark.parametrize("how", ["cache_dir", "local_dir"])
def test_what_the_hubs_library_wrote_tells_its_commit(desk: Desk, tmp_path: Path, how: str) -> None:
    desk.configure("a: {quant: Q4_K_M, mmproj: F16}")
    desk.lock()
    from_hub, there = desk.text, tmp_path / "there"
    downloaded(desk, how, there if how == "cache_dir" else there / REPO)
    (desk.directory / "models.lock.yaml").unlink()
    desk.endpoint = "http://127.0.0.1:1"

    desk.lock("--from", str(there))

    assert desk.text == from_hub
    printed = desk.lock("--update", "--from", str(there), "--commit", COMMIT, code=1)
    assert {"cache_dir": "has no snapshot", "local_dir": "has files of several commits"}[how] in printed


@pytest.mark.parametrize("how", ["cache_dir", "local_dir"])
def test_a_copy_that_is_not_what_the_hub_had_is_refused(desk: Desk, tmp_path: Path, how: str) -> None:
    desk.configure("a: {quant: Q4_K_M}")
    downloaded(desk, how, tmp_path / "there" / (REPO if how == "local_dir" else ""))
    (copy,) = (file for file in (tmp_path / "there").rglob("a-Q4_K_M.gguf"))
    with copy.resolve().open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\x01")

    printed = desk.lock("--from", str(tmp_path / "there"), code=1)

    assert f"{copy} is damaged: its sha256 is " in printed
    assert not (desk.directory / "models.lock.yaml").exists()


def test_a_cache_with_several_snapshots_is_read_at_the_revision_or_the_commit_named(desk: Desk, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    downloaded(desk, "cache_dir", cache)
    (snapshots,) = cache.glob("*/snapshots")
    (first,) = (path.name for path in snapshots.iterdir())
    shutil.copytree(snapshots / first, snapshots / COMMIT)
    desk.configure("a: {quant: Q4_K_M}")
    desk.lock("--from", str(cache))
    assert desk.models["a"].commit == first, "refs/main says which of the two is meant"

    desk.lock("--update", "--from", str(cache), "--commit", COMMIT)
    assert desk.models["a"].commit == COMMIT

    (snapshots.parent / "refs/main").unlink()
    printed = desk.lock("--update", "--from", str(cache), code=1)
    assert "has no snapshot main; there are: " in printed
    assert first in printed
    assert "--commit" in printed


def test_a_commit_is_asked_for_where_nothing_tells_it(desk: Desk, files: Path) -> None:
    printed = desk.lock("--from", str(files), code=1)
    assert f"{files / REPO} does not record the commit of its files" in printed
    assert "pass --commit with the 40 hex digits" in printed
    assert "'main' is not a commit" in desk.lock("--from", str(files), "--commit", "main", code=1)

    desk.configure(f"a: {{quant: Q4_K_M, revision: '{COMMIT}'}}")
    desk.lock("--from", str(files))
    assert desk.models["a"].commit == COMMIT, "a revision that is a commit says it"


def test_one_commit_is_never_said_of_two_repositories(desk: Desk, files: Path) -> None:
    shutil.copytree(files / REPO, files / "org/other-GGUF")
    desk.configure("a: {quant: Q4_K_M}", "b: {quant: Q8_0, repo: org/other-GGUF}")
    printed = desk.lock("--from", str(files), "--commit", COMMIT, code=1)
    assert "org/other-GGUF, org/tiny-GGUF" in printed
    assert "lock --update ID --from DIR --commit COMMIT" in printed

    desk.lock("--update", "b", "--from", str(files), "--commit", COMMIT)
    desk.lock("--from", str(files), "--commit", "f" * 40)
    assert {key: model.commit for key, model in desk.models.items()} == {"a": "f" * 40, "b": COMMIT}


def test_a_directory_of_files_serves_one_repository_only(desk: Desk, files: Path) -> None:
    flat = files / REPO
    desk.lock("--from", str(flat), "--commit", COMMIT)
    assert [file.path for file in desk.models["a"].files] == ["a-Q4_K_M.gguf", "mmproj-a-F16.gguf"]

    desk.configure("a: {quant: Q4_K_M}", "b: {quant: Q8_0, repo: org/other-GGUF}")
    printed = desk.lock("--update", "--from", str(flat), code=1)
    assert "could be of any of the repositories" in printed
    assert f"put the files into {flat / REPO}" in printed


def test_files_are_selected_as_at_a_hub(desk: Desk, files: Path) -> None:
    desk.configure("a: {quant: Q5_K_M}")
    assert "there are Q4_K_M, Q8_0" in desk.lock("--from", str(files), "--commit", COMMIT, code=1)
    (files / REPO / "a-Q8_0.gguf").unlink()
    (files / REPO / "Q8_0").mkdir()
    ggufs.write(files / REPO / "Q8_0/a-Q8_0.gguf", split=4)
    desk.configure("a: {quant: Q8_0}")
    desk.lock("--from", str(files), "--commit", COMMIT)
    assert [(file.path[:5], file.part) for file in desk.models["a"].files] == [("Q8_0/", "1/2"), ("Q8_0/", "2/2")]


@pytest.mark.parametrize(
    ("size", "said"),
    [(0, "a-Q4_K_M.gguf is empty"), (3, "is not a usable GGUF file"), (-4096, "its tensors need")],
)
def test_half_a_file_is_not_locked(desk: Desk, files: Path, size: int, said: str) -> None:
    file = files / REPO / "a-Q4_K_M.gguf"
    os.truncate(file, size if size >= 0 else file.stat().st_size + size)
    assert said in desk.lock("--from", str(files), "--commit", COMMIT, code=1)


def test_a_link_that_leads_nowhere_is_named(desk: Desk, files: Path) -> None:
    file = files / REPO / "a-Q4_K_M.gguf"
    file.unlink()
    file.symlink_to("gone")
    assert f"{file} is no file, or a link to none" in desk.lock("--from", str(files), "--commit", COMMIT, code=1)


def test_options_that_do_not_go_together_say_which_to_leave_out(desk: Desk, files: Path) -> None:
    assert "leave --from out" in desk.lock("--check", "--from", str(files), code=1)
    assert "add --from DIR" in desk.lock("--commit", COMMIT, code=1)
    assert "there is no directory nowhere" in desk.lock("--from", "nowhere", code=1)
    (files / "empty").mkdir()
    printed = desk.lock("--from", str(files / "empty"), code=1)
    assert f"put the files into {files / 'empty' / REPO}" in printed


SECRET_FILE = "what nobody asked for"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A directory beside the one that is passed, with a file that has nothing to do with models."""
    directory = tmp_path / "outside"
    directory.mkdir()
    (directory / "secret").write_text(SECRET_FILE)
    ggufs.write(directory / "a-Q4_K_M.gguf", pairs={"context_length": 32768}, vocabulary=25)
    return directory


def refused(desk: Desk, *arguments: object) -> str:
    printed = desk.lock(*map(str, arguments), code=1)
    assert SECRET_FILE not in printed
    assert not (desk.directory / "models.lock.yaml").exists()
    return printed


@pytest.mark.parametrize(
    "repo", ["../outside", "..", "./.", "org/../outside", "/etc/ssl", "org/", "\u043erg/tiny-GGUF"]
)
def test_b4_a_repository_that_leads_out_of_the_directory_is_refused(desk: Desk, files: Path, repo: str) -> None:
    desk.configure(f"a: {{quant: Q4_K_M, repo: '{repo}'}}")
    assert "models.a.repo: got " in refused(desk, "--from", files, "--commit", COMMIT)


@pytest.mark.parametrize("revision", ["../../../secret", "../secret", "/etc/passwd", "--help", "a/../../secret"])
def test_b4_a_revision_that_leads_out_of_the_cache_is_refused(desk: Desk, tmp_path: Path, revision: str) -> None:
    downloaded(desk, "cache_dir", tmp_path / "cache")
    (tmp_path / "secret").write_text(SECRET_FILE)
    desk.configure(f"a: {{quant: Q4_K_M, revision: '{revision}'}}")
    assert "models.a.revision: got " in refused(desk, "--from", tmp_path / "cache")


def test_b4_a_link_to_a_file_outside_is_refused(desk: Desk, files: Path, outside: Path) -> None:
    file = files / REPO / "a-Q4_K_M.gguf"
    file.unlink()
    file.symlink_to(outside / "a-Q4_K_M.gguf")
    printed = refused(desk, "--from", files, "--commit", COMMIT)
    assert f"{file} leads out of {files}" in printed

    file.unlink()
    shutil.copy(outside / "a-Q4_K_M.gguf", file)
    desk.lock("--from", str(files), "--commit", COMMIT)


def test_b4_a_link_that_leads_to_itself_is_refused(desk: Desk, files: Path) -> None:
    file = files / REPO / "a-Q4_K_M.gguf"
    file.unlink()
    file.symlink_to(file.name)

    assert f"{file} is a link that leads back to itself" in refused(desk, "--from", files, "--commit", COMMIT)


@pytest.mark.parametrize("where", [REPO, "org"])
def test_b4_a_directory_that_is_a_link_out_is_refused(desk: Desk, files: Path, outside: Path, where: str) -> None:
    (outside / "tiny-GGUF").mkdir()
    shutil.rmtree(files / where)
    (files / where).symlink_to(outside)
    assert "leads out of" in refused(desk, "--from", files, "--commit", COMMIT)


def test_b4_a_note_of_the_hub_s_library_that_is_a_link_out_is_not_read(desk: Desk, tmp_path: Path) -> None:
    desk.configure("a: {quant: Q4_K_M}")
    downloaded(desk, "local_dir", tmp_path / "there" / REPO)
    (note,) = (tmp_path / "there").rglob("a-Q4_K_M.gguf.metadata")
    note.unlink()
    note.symlink_to("/etc/passwd")
    assert f"{note} leads out of" in refused(desk, "--from", tmp_path / "there")


@pytest.mark.parametrize("content", ["", "no commit", "/etc/passwd", "f" * 40, "../../blobs"])
def test_b4_what_a_revision_s_note_says_is_a_commit_or_nothing(desk: Desk, tmp_path: Path, content: str) -> None:
    desk.configure("a: {quant: Q4_K_M}")
    downloaded(desk, "cache_dir", tmp_path / "cache")
    (ref,) = (tmp_path / "cache").glob("*/refs/main")
    (snapshots,) = (tmp_path / "cache").glob("*/snapshots")
    shutil.copytree(next(snapshots.iterdir()), snapshots / COMMIT)
    ref.write_text(content)
    named = content if content == "f" * 40 else "main"
    assert f"has no snapshot {named}; there are: " in refused(desk, "--from", tmp_path / "cache")


def test_b4_a_revision_s_note_that_is_a_link_out_is_not_read(desk: Desk, tmp_path: Path, outside: Path) -> None:
    desk.configure("a: {quant: Q4_K_M}")
    downloaded(desk, "cache_dir", tmp_path / "cache")
    (ref,) = (tmp_path / "cache").glob("*/refs/main")
    ref.unlink()
    ref.symlink_to(outside / "secret")
    assert f"{ref} leads out of" in refused(desk, "--from", tmp_path / "cache")


def test_a_cache_that_is_reached_by_a_link_is_read(desk: Desk, tmp_path: Path) -> None:
    desk.configure("a: {quant: Q4_K_M}")
    downloaded(desk, "cache_dir", tmp_path / "cache")
    (tmp_path / "link").symlink_to(tmp_path / "cache")
    desk.lock("--from", str(tmp_path / "link"))
    assert desk.models.keys() == {"a"}
