"""Names at the hub: a repository, a revision of it, a file in it. pods/fetch/manifest.py has the same rules.

tests/hub_names.py is the one table of cases for both. A name that passes stays where it is put: below a directory, in a
URL, behind a flag.
"""

from typing import Annotated

from plan.base.text_rule import TextRule

PLACEHOLDER = "OWNER/NAME"  # stands in a stack for a repository that nobody has named yet
PART_LONGEST = 255  # bytes of one name: NAME_MAX of Linux
_NAME = "[A-Za-z0-9_]([A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?"


def _repository(text: str) -> None:
    if "--" in text or ".." in text or text.endswith(".git"):
        raise ValueError("a repository has neither '--' nor '..' in its name and does not end with .git")


def _revision(text: str) -> None:
    if any(part in text for part in ("..", "//", "/.", "/-", "./")) or text.endswith(".lock"):
        raise ValueError(
            "a revision has no '..' and no empty part; none of its parts begins with '.' or '-' or ends with '.', "
            "and it does not end with .lock"
        )


def repository_path(text: str) -> str:
    """The text, where it is the path of a .gguf file below a repository; raises ValueError in words."""
    parts = text.split("/")
    if not text.endswith(".gguf"):
        raise ValueError("it is the path of a .gguf file below its repository")
    if not text.isprintable() or "\\" in text:
        raise ValueError("a path below its repository has no '\\' and only characters that can be shown")
    if any(part in ("", ".", "..") or part[0] in "- " or part[-1] in ". " for part in parts):
        raise ValueError(
            "a path stays below its repository: none of its parts is empty, '.' or '..', begins with '-' or a space, "
            "or ends with '.' or a space"
        )
    if any(len(part.encode()) > PART_LONGEST for part in parts):
        raise ValueError(f"each part of a path below its repository has at most {PART_LONGEST} bytes")
    return text


# What the hub's own library accepts (huggingface_hub 2.4.0, utils/_validators.py), with an owner.
Repo = Annotated[
    str,
    TextRule(
        f"{_NAME}/{_NAME}",
        "a repository is owner/name: letters, digits, '.', '_' and '-', neither '.' nor '-' at an end, at most 96 of "
        "them each",
        193,
        _repository,
    ),
]
# A quantization, or a projector's type, as a file's name has it: `UD-Q4_K_M` or `F16`.
Tag = Annotated[str, TextRule(r"[A-Za-z0-9][\w.+-]*", "it is as the file's name has it, like Q4_K_M or F16", 64)]
# What git takes as a name (git-check-ref-format) and nobody has to quote.
Revision = Annotated[
    str,
    TextRule(
        "[A-Za-z0-9_]([A-Za-z0-9._+/-]*[A-Za-z0-9_+-])?",
        "a revision is a branch, a tag or a commit: letters, digits, '.', '_', '+', '-' and '/', and it begins with a "
        "letter, a digit or '_'",
        255,
        _revision,
    ),
]
RepositoryPath = Annotated[str, TextRule(".*", "it is the path of a file below its repository", 1024, repository_path)]
