"""models.lock.yaml: the truth about weights. Its model, reader and writer; ops/lock alone fills it from the hub."""

import hashlib
import json
import re
from collections.abc import Collection, Sequence
from typing import Annotated, Literal, cast

import yaml
from pydantic import BaseModel, Field, ValidationError

from plan.base.errors import ConfigError
from plan.base.frozen import Frozen
from plan.base.hub_names import Repo, RepositoryPath, Revision
from plan.base.names import MODEL_ID
from plan.base.text_rule import TextRule
from plan.config import ModelId
from plan.models.allocator.figures import Allocator
from plan.models.gguf_facts import GgufFacts
from plan.text.errors import Source
from plan.text.yaml_reader import read_yaml

LOCK_FILE = "models.lock.yaml"
SHA256, COMMIT = re.compile("[0-9a-f]{64}"), re.compile("[0-9a-f]{40}")
Sha256 = Annotated[str, TextRule(SHA256.pattern, "a sha256 has 64 digits, 0-9 and a-f")]
Commit = Annotated[str, TextRule(COMMIT.pattern, "a commit has 40 digits, 0-9 and a-f")]
Generation = Annotated[str, TextRule("[0-9a-f]{12}", "a generation has 12 digits, 0-9 and a-f")]
Part = Annotated[str, TextRule("[1-9][0-9]{0,4}/[1-9][0-9]{0,4}", 'a part is its number and how many there are: "1/3"')]
Quant = Annotated[str, Field(min_length=1, max_length=64)]
Role = Literal["model", "mmproj", "draft"]
_HEADER = (
    "# Written by `bin/local-llm lock`; the cluster fetches and serves exactly these bytes. Do not edit by hand.\n"
)
_BROKEN = "Restore it from version control, or delete it and run `bin/local-llm lock`."
_ONE_LINE = 1 << 20  # columns: a list of every layer's heads is not to be wrapped
_SOURCE = Source(LOCK_FILE, _BROKEN[:1].lower() + _BROKEN[1:].rstrip("."))


class LockedFile(Frozen):
    """One file of a model at the hub. `size` in bytes; `part` is "1/3" for a piece of a split GGUF.

    `repo` and `commit` are there for a file of another repository than the model's: its draft may be from one.
    """

    role: Role
    path: RepositoryPath
    size: Annotated[int, Field(gt=0, le=2**50)]  # a PiB
    sha256: Sha256
    part: Part | None = None
    repo: Repo | None = None
    commit: Commit | None = None

    @property
    def link(self) -> str:
        """The file's stable name on the volume; a split GGUF keeps the suffix llama.cpp finds its siblings by."""
        if self.part is None:
            return f"{self.role}.gguf"
        number, total = map(int, self.part.split("/"))
        return f"{self.role}-{number:05d}-of-{total:05d}.gguf"


class LockedModel(Frozen):
    """One model: which bytes, at which commit, and their generation id. plan/models/agreement.py compares its parts."""

    repo: Repo
    revision: Revision
    commit: Commit
    quant: Quant
    gen: Generation
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


class Lock(Frozen):
    version: Annotated[int, Field(ge=1, le=1)]  # `true` would be the literal 1
    models: dict[ModelId, LockedModel]


def generation(files: Sequence[LockedFile]) -> str:
    """First 12 hex of the sha256 over the files' sorted (role, link name, sha256): same bytes, same generation."""
    rows = sorted([file.role, file.link, file.sha256] for file in files)
    return hashlib.sha256(json.dumps(rows, separators=(",", ":")).encode()).hexdigest()[:12]


def load(content: bytes | str, but: Collection[str] = ()) -> Lock:
    """The lock in a file's content, all models `but` these, and none in an empty one.

    Raises TextError, or ConfigError naming the model and the key.
    """
    document: object = read_yaml(content, _SOURCE)
    if document is None:
        return Lock(version=1, models={})
    raw = cast("dict[str, object]", document) if isinstance(document, dict) else {}
    entries = raw.get("models")
    if not isinstance(entries, dict):
        raise ConfigError(f"{LOCK_FILE}.models", entries, f"It is a mapping, each model under its id. {_BROKEN}")
    kept = {key: entry for key, entry in cast("dict[str, object]", entries).items() if key not in but}
    try:
        return Lock.model_validate({**raw, "models": kept})
    except ValidationError as error:
        raise ConfigError.from_pydantic(LOCK_FILE, error, _hints(error)) from None


def _hints(error: ValidationError) -> dict[str, str]:
    """What mends the lock, by the key of the file or the id of the entry that is wrong."""
    keys = {str(problem["loc"][1]) for problem in error.errors() if problem["loc"][:1] == ("models",)}
    ids = sorted(key for key in keys if _is_id(key))
    # All of them at once: a command for one of them cannot read the lock for the others.
    again = f"Run `bin/local-llm lock --update {' '.join(ids)}`, or delete an entry that no stack names."
    return {
        "version": "Use the program that wrote this lock.",
        **dict.fromkeys(keys, "Delete the entry and run `bin/local-llm lock`."),
        **dict.fromkeys(ids, again),
    }


def _is_id(key: str) -> bool:
    try:
        return bool(MODEL_ID(key))
    except ValueError:
        return False


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
        lines += _facts(model.gguf)
        if drafter := model.gguf.draft:
            lines += ["      draft:\n", *(f"  {line}" for line in _facts(drafter))]
    return "".join(lines)


def _facts(gguf: GgufFacts) -> list[str]:
    """A group of facts per line."""
    lines = [f"      {name}: {_flow(group)}\n" for name, group in gguf.groups.items()]
    return lines + (_allocator(gguf.allocator) if gguf.allocator else [])


def _allocator(figures: Allocator) -> list[str]:
    """A cache and a way to serve per line."""
    lines = ["      allocator:\n", f"        build: {figures.build}\n", f"        weights_mib: {figures.weights_mib}\n"]
    for name in ("state_bytes", "draft_cell_elements"):
        lines += [f"        {name}: {value}\n"] if (value := getattr(figures, name)) else []
    for name, rows in (("caches", figures.caches), ("compute", figures.compute)):
        lines += [f"        {name}:\n"] if rows else []
        lines += [f"          - {_flow(row)}\n" for row in rows]
    return lines


def _flow(fact: BaseModel) -> str:
    pairs = fact.model_dump(exclude_defaults=True).items()
    return "{" + ", ".join(f"{key}: {_scalar(value)}" for key, value in pairs) + "}"


def _scalar(value: object) -> str:
    # Quoted by the library where YAML would read another type, a generation of digits alone for one; and, because it is
    # dumped as an item, where a comma would end it.
    return yaml.safe_dump([value], default_flow_style=True, width=_ONE_LINE).strip()[1:-1]
