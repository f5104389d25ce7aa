"""The SDK's bytecode with annotations as text: what Python does with it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dev.generate.precompile import precompile

MODULE = """
import typing

class Pod:
    def name(self) -> typing.Optional[Later]:
        return "a pod"

class Later: ...
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    (tmp_path / "sdk").mkdir()
    (tmp_path / "sdk" / "__init__.py").write_text(MODULE)
    return tmp_path


def told(package: Path, code: str) -> str:
    env = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    argv = [sys.executable, "-c", code]
    ran = subprocess.run(argv, cwd=package, env=env, capture_output=True, text=True, check=False)
    return ran.stdout.strip() or ran.stderr.strip().splitlines()[-1]


def test_a_type_is_evaluated_when_it_is_asked_for_and_not_at_import(package: Path) -> None:
    assert "NameError" in told(package, "import sdk"), "the module must not load as it stands, or this proves nothing"

    assert precompile(package / "sdk") == 1

    assert told(package, "import sdk; print(sdk.Pod.name.__annotations__['return'])") == "typing.Optional[Later]"
    hints = "import sdk, typing; print(typing.get_type_hints(sdk.Pod.name)['return'] == typing.Optional[sdk.Later])"
    assert told(package, hints) == "True"


def test_a_source_that_changed_afterwards_is_what_runs(package: Path) -> None:
    precompile(package / "sdk")

    (package / "sdk" / "__init__.py").write_text("print('another release')")

    assert told(package, "import sdk") == "another release"


def test_python_s_own_bytecode_is_replaced(package: Path) -> None:
    source = package / "sdk" / "__init__.py"
    source.write_text("class Later: ...\ndef name() -> Later: ...\n")
    assert told(package, "import sdk; print(sdk.name.__annotations__)") == "{'return': <class 'sdk.Later'>}"

    precompile(package / "sdk")

    assert told(package, "import sdk; print(sdk.name.__annotations__)") == "{'return': 'Later'}"
