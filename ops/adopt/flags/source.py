"""Where a model's file is from: a repository at the hub, as far as its flags or its path tell one."""

import posixpath
import re
from collections.abc import Mapping
from typing import NamedTuple

from pydantic import TypeAdapter, ValidationError

from ops.adopt.draft import Draft
from ops.adopt.flags.given import Given
from plan.base.hub_names import PLACEHOLDER, Repo
from plan.models.file_names import tag
from plan.text.show import plain

_HUB_CACHE = re.compile(r"(?:^|/)models--(.+?)--([^/]+)/snapshots/([^/]+)/(.+)$")
# common/download.cpp of llama.cpp before it shared the hub's cache: owner, repository and path, with _ for each /.
_LLAMA_CACHE = re.compile(r"/llama\.cpp/([A-Za-z0-9-]+)_([^/]+?-GGUF)_([^/]+)$", re.IGNORECASE)
_URL = re.compile(r"https?://(?:huggingface\.co|hf\.co)/([^/]+/[^/]+)/(?:resolve|blob)/([^/]+)/([^?#]+)")
# Directories of LM Studio, in which OWNER/NAME/ lie.
_OF_LM_STUDIO = re.compile(r"(?i)lm[-_ ]?studio(?:[-_ ]models)?(?:/hub)?(?:/models)?$")
# Words that no owner is called by, for directories that only look like OWNER/NAME-GGUF.
_NO_OWNERS = {
    "models", "model", "gguf", "ggufs", "llm", "llms", "ai", "data", "mnt", "home", "users", "hub", "huggingface", "hf",
    "weights", "storage", "llama", "llama.cpp", "llamacpp", "chat", "text", "vision", "embedding", "embeddings", "code",
    "coding", "opt", "srv", "var", "cache", "media", "files", "local",
}  # fmt: skip
# Owners at the hub whose repositories are of GGUF files, also where their names do not say so.
_PUBLISHERS = {
    "unsloth", "bartowski", "lmstudio-community", "ggml-org", "mradermacher", "thebloke", "maziyarpanahi", "ubergarm",
}  # fmt: skip
_repo: TypeAdapter[str] = TypeAdapter(Repo)


class Place(NamedTuple):
    """A file: its repository, or None; the commit there, or None; its path there, or its name alone."""

    repo: str | None
    revision: str | None
    path: str


def take_model(flags: Mapping[str, Given], draft: Draft) -> None:
    """`repo` and what names the file in it; raises ValueError where the flags name none."""
    place, quant, exact = _model(flags, draft)
    draft.told("repo", *flags.values())
    wanted = draft.repo or place.repo
    draft.keys["repo"] = wanted or PLACEHOLDER
    draft.wants_repo = wanted is None
    if draft.wants_repo:
        draft.remarks["repo"] = f"fill in: the repository that has {plain(place.path or quant, 120)}"
    if place.revision and wanted == place.repo:
        draft.keys["revision"] = place.revision
    found = tag(place.path)
    if place.path and (exact or not found or "+" in found):
        draft.keys["file"] = place.path
    else:
        draft.keys["quant"] = found or quant


def _model(flags: Mapping[str, Given], draft: Draft) -> tuple[Place, str, bool]:
    """Where the file is, the quantization where only that is said, and whether its path there is said in so many words.

    llama-server takes a URL or a repository before a path, which then says where the download is kept.
    """
    if url := flags.get("model-url"):
        return of_url(url.value or ""), "", True
    if hub := flags.get("hf-repo") or flags.get("docker-repo"):
        name, _, quant = re.sub(r"^https?://[^/]+/", "", hub.value or "").partition(":")
        repo = valid_repo(name) if hub.key == "hf-repo" else None
        if file := flags.get("hf-file"):
            return Place(repo, None, file.value or ""), "", True
        draft.from_hub = repo is not None
        if quant.lower() in ("", "latest"):
            quant = "Q4_K_M"
            draft.remarks["quant"] = "none was named: llama-server takes this one, else the first file that is there"
        return Place(repo, None, ""), tag(quant) or quant, False
    if (path := flags.get("model")) is None:
        raise ValueError("its command names no model")
    place = of_path(host_path(path.value or "", draft))
    if not place.path.lower().endswith(".gguf"):
        raise ValueError(f"the file of its model is not known: {plain(path.value or 'nothing', 80)} is no .gguf")
    return place, "", False


def take_projector(flags: Mapping[str, Given], draft: Draft) -> None:
    """`mmproj`, which has to be in the repository of the model."""
    auto, flag = flags.get("mmproj-auto"), flags.get("mmproj-url") or flags.get("mmproj")
    if auto:
        draft.needless(auto)
        draft.from_hub = False
    if flag is None:
        return
    draft.from_hub = False
    value = flag.value or ""
    place = of_url(value) if flag.key == "mmproj-url" else of_path(host_path(value, draft))
    draft.told("mmproj", *(flags[name] for name in ("mmproj", "mmproj-url") if name in flags))
    repo = draft.keys["repo"]
    if not place.path.lower().endswith(".gguf"):
        draft.leave(flag, "It is the path of a .gguf file")
    elif place.repo and repo not in (place.repo, PLACEHOLDER):
        draft.leave(flag, f"It is of {plain(place.repo)}, and a projector is of its model's repository")
    elif (found := tag(place.path)) and "+" not in found:
        draft.keys["mmproj"] = found
    else:
        draft.keys["mmproj_file"] = place.path


def of_url(url: str) -> Place:
    """The file behind a URL of the hub; raises ValueError for any other."""
    if not (found := _URL.match(url)):
        raise ValueError("the URL of its file is not one of the hub's: https://huggingface.co/OWNER/NAME/resolve/...")
    return Place(valid_repo(found[1]), None if found[2] == "main" else found[2], found[3])


def of_path(path: str) -> Place:
    """What a path tells: all of it in the hub's cache, owner and name where directories are called so."""
    path = posixpath.normpath(path.replace("\\", "/")) if path else ""
    if cached := _HUB_CACHE.search(path):
        commit = cached[3] if re.fullmatch("[0-9a-f]{40}", cached[3]) else None
        return Place(valid_repo(f"{cached[1]}/{cached[2]}"), commit, cached[4])
    if cached := _LLAMA_CACHE.search(path):
        directory, name, rest = cached[3].partition(f"_{cached[2][: -len('-GGUF')]}")
        inside = f"{directory}/{name[1:]}{rest}" if name else cached[3]
        return Place(valid_repo(f"{cached[1]}/{cached[2]}"), None, inside)
    *directories, name = path.split("/")
    for at in range(len(directories) - 1, 0, -1):
        owner, repo = directories[at - 1], directories[at]
        above = "/".join(directories[: at - 1])
        has_gguf = re.search(r"(?i)(?:^|[-_.])gguf(?:$|[-_.])", repo) is not None
        is_theirs = (owner.lower() in _PUBLISHERS and re.search(r"\d", repo)) or _OF_LM_STUDIO.search(above) is not None
        is_name = (
            has_gguf
            and not {owner.lower(), repo.lower()} & _NO_OWNERS
            and not re.fullmatch("(?i)/?(home|users)", above)
        )
        if (is_theirs or is_name) and (valid := valid_repo(f"{owner}/{repo}")):
            return Place(valid, None, "/".join([*directories[at + 1 :], name]))
    return Place(None, None, name)


def host_path(path: str, draft: Draft) -> str:
    """The path outside of the container, where the command runs in one."""
    return draft.container.host_path(path) if draft.container else path


def valid_repo(repo: str) -> str | None:
    """The repository, None where it cannot be one."""
    try:
        return _repo.validate_python(repo)
    except ValidationError:
        return None
