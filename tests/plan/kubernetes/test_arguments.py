"""What a container is told: as it is, and no longer than anything can carry."""

import pytest

from plan.base.errors import ConfigError
from plan.kubernetes.arguments import argument, literal, require_arguments, require_config_map
from plan.kubernetes.limits import ARGUMENT_BYTES, ARGUMENTS_BYTES, CONFIG_MAP_BYTES


def test_an_argument_is_literal_and_of_a_length_that_the_kernel_takes() -> None:
    assert argument("$(X)", "key", "fix") == literal("$(X)") == "$$(X)"
    assert argument("x" * ARGUMENT_BYTES, "key", "fix") == "x" * ARGUMENT_BYTES
    for text in ("x" * (ARGUMENT_BYTES + 1), "\u00e4" * (ARGUMENT_BYTES // 2 + 1), "x" * 2**25):
        with pytest.raises(
            ConfigError, match=r"^key: got '\d+ bytes'\. A program takes at most 131071 bytes .* fix\.$"
        ):
            argument(text, "key", "fix")


def test_all_arguments_of_a_container_are_counted() -> None:
    most = ["x" * ARGUMENT_BYTES] * (ARGUMENTS_BYTES // ARGUMENT_BYTES)
    require_arguments(most, "key", "fix")
    with pytest.raises(
        ConfigError, match=r"key: got '1179639 bytes'\. All arguments of a container have 1048576 bytes"
    ):
        require_arguments([*most, most[0]], "key", "fix")


def test_all_files_of_a_config_map_are_counted() -> None:
    half = "x" * (CONFIG_MAP_BYTES // 2)
    require_config_map([half, half], "key", "fix")
    for files in ([half, half, "x"], ["\u00e4" * CONFIG_MAP_BYTES], ["x"] * (CONFIG_MAP_BYTES + 1)):
        with pytest.raises(ConfigError, match=r"key: got '\d+ bytes'. A ConfigMap holds 1048576 bytes. fix"):
            require_config_map(files, "key", "fix")
