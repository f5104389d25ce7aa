"""Files that are replaced whole."""

from pathlib import Path

import pytest

from ops.base import atomic
from ops.base.errors import OpsError


def test_a_file_that_cannot_be_written_is_told_by_name_with_the_next_step(tmp_path: Path) -> None:
    file = tmp_path / "missing" / "models.lock.yaml"

    with pytest.raises(OpsError) as refusal:
        atomic.write(file, "text")

    assert refusal.value.what == f"{file}: No such file or directory"
    assert "name another file" in refusal.value.fix


def test_what_a_write_replaces_keeps_its_permissions_and_leaves_no_draft(tmp_path: Path) -> None:
    file = tmp_path / "card.html"
    file.write_text("old")
    file.chmod(0o640)

    atomic.write(file, "new")

    assert file.read_text() == "new"
    assert file.stat().st_mode & 0o777 == 0o640
    assert [*tmp_path.iterdir()] == [file]
