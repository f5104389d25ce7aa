"""The rendered README's commands for Secrets, run by a shell with a kubectl that only notes what it was asked."""

import os
import re
import subprocess
from pathlib import Path

from ops.render.manifests import SecretToMake
from ops.render.readme import text


def follow(directory: Path, openssl: str) -> str:
    """Run the commands that make a Secret with two keys; what kubectl was given, "" when it was not called."""
    (script,) = re.findall(
        r"```sh\n(.*?)```", text("s", [], [SecretToMake("n", "keys", ("current", "next"))]), re.DOTALL
    )
    said = directory / "said"
    for name, body in (("kubectl", f'echo "$@" > {said}; cat >> {said}'), ("openssl", openssl)):
        (directory / name).write_text(f"#!/bin/sh\n{body}\n")
        (directory / name).chmod(0o755)
    subprocess.run(["sh"], env={"PATH": f"{directory}:{os.environ['PATH']}"}, input=script, text=True, check=False)
    return said.read_text() if said.exists() else ""


def test_each_key_is_another_value_and_none_is_an_argument(tmp_path: Path) -> None:
    count = f"echo x >> {tmp_path}/calls; echo value-$(wc -l < {tmp_path}/calls)"

    said = follow(tmp_path, count)

    assert said == (
        "create secret generic keys --namespace n --from-env-file=/dev/stdin\ncurrent=value-1\nnext=value-2\n"
    ), "what is in the arguments is in the list of processes"


def test_without_a_value_there_is_no_secret(tmp_path: Path) -> None:
    assert follow(tmp_path, "exit 1") == "", "an empty key is one that every caller knows"
