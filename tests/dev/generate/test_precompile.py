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
    def name(self) -> typing.List[Later]:
        return "a pod"

class Later: ...
"""

# As pulumigen writes them (pulumi-kubernetes 4.34), one of each form.
GENERATED = """
import builtins as _builtins
from typing import Any, Literal, Mapping, Optional, Sequence, TypedDict, Union
import pulumi

class PodArgsDict(TypedDict):
    name: pulumi.Input[_builtins.str]

@pulumi.input_type
class PodArgs:
    \"\"\"For readers.\"\"\"
    def __init__(__self__, *, name: pulumi.Input[_builtins.str]):
        pulumi.set(__self__, "name", name)
"""
FORMS = [
    "pulumi.Input[_builtins.str]",
    "pulumi.Input[Optional[_builtins.int]]",
    "pulumi.Input[Optional['PodArgs']]",
    "pulumi.Input[Optional[Literal['v1']]]",
    "pulumi.Input[Optional[Sequence[pulumi.Input['PodArgs']]]]",
    "pulumi.Input[Optional[Mapping[str, pulumi.Input[_builtins.str]]]]",
    "pulumi.Input[Optional[Union[_builtins.int, _builtins.str]]]",
    "pulumi.Output[Sequence['PodArgs']]",
    "pulumi.Output[Optional[Mapping[str, 'PodArgs']]]",
    "Optional[Any]",
    "Optional['PodArgs']",
]
GETTER = """
    @_builtins.property
    @pulumi.getter(name="field{number}")
    def field_{number}(self) -> {form}:
        ...
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

    assert told(package, "import sdk; print(sdk.Pod.name.__annotations__['return'])") == "typing.List[Later]"
    hints = "import sdk, typing; print(typing.get_type_hints(sdk.Pod.name)['return'] == typing.List[sdk.Later])"
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


def test_the_sdk_sees_the_same_type_of_every_property_as_without(package: Path) -> None:
    getters = [GETTER.format(number=number, form=form) for number, form in enumerate(FORMS)]
    (package / "sdk" / "__init__.py").write_text(GENERATED + "".join(getters))
    types = "import sdk; from pulumi import _types; print(_types.input_type_types(sdk.PodArgs))"
    before = told(package, types)
    assert before.count("'field") == len(FORMS), before

    precompile(package / "sdk")

    assert told(package, types) == before
    shorter = "import sdk; print(sdk.PodArgs.field_1.fget.__annotations__)"
    assert told(package, shorter) == "{'return': '_builtins.int'}"


def test_what_only_readers_and_type_checkers_use_is_left_out(package: Path) -> None:
    (package / "sdk" / "__init__.py").write_text(GENERATED)

    precompile(package / "sdk")

    left = "import sdk, typing; print(sdk.PodArgs.__doc__, typing.is_typeddict(sdk.PodArgsDict))"
    assert told(package, left) == "None True"
    assert told(package, "import sdk; print(sdk.PodArgsDict.__annotations__)") == "{}"
