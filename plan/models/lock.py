"""models.lock.yaml: the truth about weights. Its model, reader and writer; `ops lock` alone fills it from the hub."""

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, Field, ValidationError, model_validator

from plan.base.errors import ConfigError
from plan.base.frozen import Frozen
from plan.config import ModelId
from plan.models.gguf_facts import GgufFacts

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Role = Literal["model", "mmproj"]
_HEADER = (
    "# Written by `python -m ops lock`; the cluster fetches and serves exactly these bytes. Do not edit by hand.\n"
)
_HINTS = {"gen": "Run `python -m ops lock --update ID`.", "version": "Use the program's version that wrote this lock."}
_ONE_LINE = 1 << 20  # columns: a list of every layer's heads is not to be wrapped
# The C loader parses 512 models in a tenth of the time; PyYAML has it wherever libyaml was there at build time.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class LockedFile(Frozen):
    """One file of a model at the hub. `size` in bytes; `part` is "1/3" for a piece of a split GGUF."""

    role: Role
    path: str
    size: Annotated[int, Field(gt=0, le=2**50)]  # a PiB
    sha256: Sha256
    part: Annotated[str, Field(pattern=r"^[1-9][0-9]*/[1-9][0-9]*$")] | None = None

    @property
    def link(self) -> str:
        """The file's stable name on the volume; a split GGUF keeps the suffix llama.cpp finds its siblings by."""
        if self.part is None:
            return f"{self.role}.gguf"
        number, total = map(int, self.part.split("/"))
        return f"{self.role}-{number:05d}-of-{total:05d}.gguf"

    @model_validator(mode="after")
    def _stay_below_the_repository(self) -> Self:
        path = PurePosixPath(self.path)
        if path.is_absolute() or ".." in path.parts or not self.path.endswith(".gguf"):
            raise ValueError(f"path {self.path!r} must be a .gguf file below its repository")
        return self


class LockedModel(Frozen):
    """One model: which bytes, at which commit, and their generation id."""

    repo: Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")]
    revision: str
    commit: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
    quant: str
    gen: Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")]
    files: Annotated[tuple[LockedFile, ...], Field(min_length=1, strict=False)]
    gguf: GgufFacts

    @property
    def size_bytes(self) -> int:
        return sum(self.bytes_by_role.values())

    @property
    def bytes_by_role(self) -> dict[str, int]:
        """All parts of a split file together."""
        roles = sorted({file.role for file in self.files})
        return {role: sum(file.size for file in self.files if file.role == role) for role in roles}

    @model_validator(mode="after")
    def _whole_and_unaltered(self) -> Self:
        models = [file for file in self.files if file.role == "model"]
        parts = sorted(file.part or "1/1" for file in models)
        if parts != sorted(f"{number}/{len(models)}" for number in range(1, len(models) + 1)):
            raise ValueError(f"the parts {parts} are not one whole model")
        if len({file.link for file in self.files}) != len(self.files):
            raise ValueError("two files would have the same name on the volume")
        if self.gen != (expected := generation(self.files)):
            raise ValueError(f"gen {self.gen} does not match its files, which give {expected}")
        return self


class Lock(Frozen):
    version: Literal[1]
    models: dict[ModelId, LockedModel]


def generation(files: Sequence[LockedFile]) -> str:
    """First 12 hex of the sha256 over the files' sorted (role, link name, sha256): same bytes, same generation."""
    rows = sorted([file.role, file.link, file.sha256] for file in files)
    return hashlib.sha256(json.dumps(rows, separators=(",", ":")).encode()).hexdigest()[:12]


def load(text: str) -> Lock:
    """Parse a lock file's text; raises ConfigError naming the model and the key."""
    try:
        raw: Any = yaml.load(text, Loader=_Loader)  # noqa: S506 - it is the safe loader, in C
    except yaml.YAMLError as error:
        where = re.sub(r"\s+", " ", str(error))
        raise ConfigError(
            "models.lock.yaml", where, "Restore it from version control, or run `python -m ops lock`."
        ) from None
    try:
        return Lock.model_validate(raw)
    except ValidationError as error:
        raise ConfigError.from_pydantic("models.lock.yaml", error, _HINTS) from None


def dump(lock: Lock) -> str:
    """The lock as text: models by id, a file or a group of facts per line; same lock, same bytes."""
    lines = [_HEADER, f"version: {lock.version}\nmodels:{'' if lock.models else ' {}'}\n"]
    for model_id, model in sorted(lock.models.items()):
        fields = model.model_dump(exclude={"files", "gguf"})
        lines.append(f"  {_scalar(model_id)}:\n")
        lines += [f"    {key}: {_scalar(value)}\n" for key, value in fields.items()]
        lines.append("    files:\n")
        lines += [f"      - {_flow(file)}\n" for file in model.files]
        lines.append("    gguf:\n")
        lines += [f"      {name}: {_flow(group)}\n" for name, group in model.gguf.groups.items()]
    return "".join(lines)


def _flow(fact: BaseModel) -> str:
    pairs = fact.model_dump(exclude_defaults=True).items()
    return "{" + ", ".join(f"{key}: {_scalar(value)}" for key, value in pairs) + "}"


def _scalar(value: object) -> str:
    # Quoted by the library where YAML would read another type, a generation of digits alone for one; and, because it is
    # dumped as an item, where a comma would end it.
    return yaml.safe_dump([value], default_flow_style=True, width=_ONE_LINE).strip()[1:-1]
