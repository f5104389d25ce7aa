"""The text of a stack file: what is no stack file is refused by name, and gaps are filled where nothing is written."""

from pathlib import PurePosixPath
from typing import Any

import pytest
import yaml

from plan.config import KEY
from plan.config.stack_file import Facts, StackFileError, complete, configuration, missing, read

FILE = PurePosixPath("here/Pulumi.mine.yaml")
FACTS = Facts("a-uid", "mine@sha256:0", PurePosixPath("/srv/models"), "node1", "http://hub")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("config: {", "here/Pulumi.mine.yaml, line 1: this is not YAML: "),
        ("a: 1\nconfig: \xff", "here/Pulumi.mine.yaml, line 2: byte 0xff of it is not UTF-8"),
        ("", "here/Pulumi.mine.yaml has no mapping at config.local-llm:stack"),
        ("- x", "has no mapping at"),
        ("config: []", "has no mapping at"),
        ("config: {other:key: 1}", "has no mapping at"),
        (f"config: {{'{KEY}': text}}", "has no mapping at"),
    ],
)
def test_what_is_no_stack_file_is_refused_by_name_with_the_next_step(text: str, said: str) -> None:
    with pytest.raises(StackFileError) as refusal:
        configuration(text.encode("latin-1"), FILE)

    assert said in refusal.value.what
    assert refusal.value.fix.startswith("correct the file")


def test_a_missing_file_is_told_with_the_stacks_that_have_one() -> None:
    refusal = missing(FILE, [PurePosixPath("here/Pulumi.prod.yaml"), PurePosixPath("here/Pulumi.dev.yaml")])

    assert refusal.what == "there is no here/Pulumi.mine.yaml"
    assert refusal.fix == "name one of: dev, prod"
    assert missing(FILE, []).fix == "run this in the repository's root"


def test_other_keys_of_the_file_are_kept_for_whoever_writes_it_again() -> None:
    text = yaml.safe_dump({"config": {KEY: {"namespace": "a"}, "pulumi:tags": {}}, "encryptionsalt": "v1:abc"})

    assert read(text.encode(), FILE) == yaml.safe_load(text)
    assert configuration(text.encode(), FILE) == {"namespace": "a"}


def test_what_is_written_is_not_changed_by_completing_it() -> None:
    written: dict[str, Any] = {"volume": {"name": "models"}, "fetch": {}}

    complete(written, FACTS)

    assert written == {"volume": {"name": "models"}, "fetch": {}}


def test_a_missing_volume_stays_missing_so_that_the_rules_name_it() -> None:
    assert "volume" not in complete({"namespace": "a"}, FACTS)


@pytest.mark.parametrize("section", ["volume", "server", "fetch", "gpu"])
def test_text_where_a_mapping_belongs_is_left_for_the_rules_to_refuse(section: str) -> None:
    facts = Facts("a-uid", "mine@sha256:0", PurePosixPath("/srv"), "node1", "http://hub", {"selector": {}})

    assert complete({section: "text"}, facts)[section] == "text"
