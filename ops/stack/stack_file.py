"""A committed stack file as the program sees it, for commands that need neither Pulumi nor this machine's facts."""

from pathlib import Path
from typing import Any

import yaml

from ops.base.errors import OpsError
from ops.lock.command import LOCK_FILE
from plan import config
from plan.config import KEY
from plan.models import lock as locks
from plan.models.lock import LockedModel
from plan.plan import locked_models

NO_CLUSTER = "00000000-0000-4000-8000-000000000000"  # stands for the uid where nothing is known of a cluster
_NO_IMAGE = f"unknown@sha256:{'0' * 64}"  # has no tag, so that nobody reads a build from it
_NO_PLACE = {"path": "/", "node": "unknown"}


def configuration(file: Path) -> dict[str, Any]:
    """What `file` says of the stack; the cluster's uid is in no manifest, so one that is not known yet will do.

    Raises OpsError for a file that is no stack's.
    """
    try:
        raw = yaml.safe_load(file.read_text())["config"][KEY]
        raw.setdefault("cluster", {"id": NO_CLUSTER}).get("id")
    except FileNotFoundError:
        there = ", ".join(sorted(path.name.split(".")[1] for path in file.parent.glob("Pulumi.*.yaml"))) or "none here"
        raise OpsError(f"there is no {file}", f"pass --stack with one of: {there}") from None
    except (KeyError, TypeError, AttributeError):
        raise OpsError(f"{file} has no config.{KEY} that is a stack's", "README.md shows the form") from None
    except OSError as error:
        raise OpsError(f"{file}: {error.strerror}", "name a stack file") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise OpsError(f"{file} is not YAML: {' '.join(str(error).split())}", "correct the file") from None
    return raw


def read(stack: str, file: Path | None = None) -> config.Stack:
    """The stack of Pulumi.STACK.yaml, or of `file`; raises OpsError or ConfigError.

    What `make` would render from a machine is filled in by stand-ins: images, a place for the volume.
    """
    return parse(configuration(file or Path(f"Pulumi.{stack}.yaml")))


def parse(raw: dict[str, Any]) -> config.Stack:
    """The stack that `configuration` gave, with the stand-ins; raises ConfigError."""
    raw.setdefault("cluster", {"id": NO_CLUSTER})
    for section in ("server", "fetch"):
        part: Any = raw.setdefault(section, {})
        if isinstance(part, dict):
            raw[section] = {"image": _NO_IMAGE, **part}
    volume: Any = raw.get("volume")
    if isinstance(volume, dict) and not {"nfs", "local", "existing_claim"} & volume.keys():
        raw["volume"] = {**volume, "local": _NO_PLACE}
    return config.parse(raw)


def locked(stack: config.Stack) -> dict[str, LockedModel]:
    """The stack's models in models.lock.yaml; raises OpsError or ConfigError where one is not what is meant."""
    if not LOCK_FILE.exists():
        raise OpsError(f"there is no {LOCK_FILE} here", "run this in the repository's root, or `python -m ops lock`")
    return locked_models(stack, locks.load(LOCK_FILE.read_text()))
