"""Text from outside as an argument of a container: taken as it is, and short enough.

Kubernetes replaces $(VARIABLE) in a container's command, arguments and environment by the variable's value, and reads
two dollar signs as one (kubernetes v1.36, third_party/forked/golang/expansion).
"""

from collections.abc import Iterable

from plan.base.errors import ConfigError
from plan.kubernetes.limits import ARGUMENT_BYTES, ARGUMENTS_BYTES, CONFIG_MAP_BYTES


def literal(text: str) -> str:
    """`text` so that the container gets it as it is: $(HF_TOKEN) in a file's name puts no token into a URL or a log."""
    return text.replace("$", "$$")


def argument(text: str, key: str, fix: str) -> str:
    """`text` as one literal argument; raises ConfigError, about `key`, where no program can be given so long a one."""
    length = len(text.encode())
    if length > ARGUMENT_BYTES:
        rule = f"A program takes at most {ARGUMENT_BYTES} bytes in one argument"
        raise ConfigError(key, f"{length} bytes", f"{rule}. {fix}.")
    return literal(text)


def require_arguments(arguments: Iterable[str], key: str, fix: str) -> None:
    """Raise ConfigError where all arguments of a container are too long for the object that holds them."""
    length = sum(len(argument.encode()) for argument in arguments)
    if length > ARGUMENTS_BYTES:
        rule = f"All arguments of a container have {ARGUMENTS_BYTES} bytes at most, for etcd takes no larger object"
        raise ConfigError(key, f"{length} bytes", f"{rule}. {fix}.")


def require_config_map(files: Iterable[str], key: str, fix: str) -> None:
    """Raise ConfigError where the files are too long for one ConfigMap."""
    length = sum(len(file.encode()) for file in files)
    if length > CONFIG_MAP_BYTES:
        rule = f"A ConfigMap holds {CONFIG_MAP_BYTES} bytes"
        raise ConfigError(key, f"{length} bytes", f"{rule}. {fix}.")
