"""What the model hub says about a repository: the only code of the project that asks it. HF_ENDPOINT is honoured."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import httpx2
from huggingface_hub import HfApi, constants, hf_hub_url
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError
from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status  # pyright: ignore[reportUnknownVariableType] - the library types one parameter as bare dict

from ops import gguf_header, select_files
from ops.errors import OpsError
from plan.config import Model
from plan.lock import GgufFacts, LockedFile, LockedModel, Role, generation

_TIMEOUT_S = 30  # the library waits for ever by default


def resolve(model: Model) -> LockedModel:
    """The files that `model` means today, with commit, sizes, sha256 and header facts; raises OpsError."""
    # The environment's token only: one that `hf auth login` left on this machine would make the result depend on it.
    token = os.environ.get("HF_TOKEN") or False
    with _explained(model):
        info = HfApi(token=token).model_info(
            model.repo, revision=model.revision, files_metadata=True, timeout=_TIMEOUT_S
        )
        siblings = {sibling.rfilename: sibling for sibling in info.siblings or []}
        chosen: list[tuple[Role, str]] = [
            ("model", path) for path in select_files.model_files(model.repo, siblings, model.quant)
        ]
        count = len(chosen)
        if model.mmproj:
            chosen.append(("mmproj", select_files.mmproj_file(model.repo, siblings, model.mmproj)))
        files = tuple(_locked(model.repo, role, siblings[path], count) for role, path in chosen)
        commit = info.sha or ""
        facts = _facts(model.repo, chosen[0][1], commit, token)
    return LockedModel(
        repo=model.repo,
        revision=model.revision,
        commit=commit,
        quant=model.quant,
        gen=generation(files),
        files=files,
        gguf=facts,
    )


def _locked(repo: str, role: Role, sibling: Any, count: int) -> LockedFile:
    if not (sibling.lfs and sibling.lfs.sha256 and sibling.size):
        raise OpsError(f"{repo} publishes no sha256 of {sibling.rfilename}", "name a repository that stores it as LFS")
    part = select_files.part(sibling.rfilename, count) if role == "model" else None
    return LockedFile(role=role, path=sibling.rfilename, size=sibling.size, sha256=sibling.lfs.sha256, part=part)


def _facts(repo: str, path: str, commit: str, token: str | bool) -> GgufFacts:
    url = hf_hub_url(repo, path, revision=commit)

    def read(size: int) -> bytes:
        headers = {**build_hf_headers(token=token), "Range": f"bytes=0-{size - 1}", "Accept-Encoding": "identity"}
        # The client drops the token at the redirect to another origin.
        with get_session().stream("GET", url, headers=headers, timeout=_TIMEOUT_S, follow_redirects=True) as answer:
            hf_raise_for_status(answer)
            data = bytearray()
            for chunk in answer.iter_bytes():
                data += chunk
                if len(data) >= size:  # a server that ignores Range would send gigabytes
                    break
        return bytes(data[:size])

    def wanted(found: dict[str, Any]) -> list[str]:
        return ["general.architecture", f"{found.get('general.architecture')}.context_length"]

    try:
        found = gguf_header.read_facts(read, wanted)
    except gguf_header.HeaderError as error:
        raise OpsError(f"{repo}/{path} is no usable GGUF file: {error}", "name another repository or quant") from None
    architecture = found.get("general.architecture")
    if not architecture:
        raise OpsError(f"{repo}/{path} names no architecture in its header", "name another repository or quant")
    context = found.get(f"{architecture}.context_length")
    return GgufFacts(architecture=architecture, context=context, source="header")


@contextmanager
def _explained(model: Model) -> Generator[None]:
    where = f"{model.repo} at {constants.ENDPOINT}"
    try:
        yield
    except GatedRepoError:
        raise OpsError(f"{where} is gated", "accept its licence there and set HF_TOKEN to a token of yours") from None
    except RevisionNotFoundError:
        raise OpsError(f"{where} has no revision {model.revision}", "correct `revision` in the stack file") from None
    except RepositoryNotFoundError:
        raise OpsError(
            f"there is no {where}, or it is private", "correct `repo` in the stack file, or set HF_TOKEN"
        ) from None
    except HfHubHTTPError as error:
        raise OpsError(f"{where} answered HTTP {error.response.status_code}", "try again in a few minutes") from None
    except (httpx2.HTTPError, OSError) as error:
        fix = "check the network, and HF_ENDPOINT if it is set"
        raise OpsError(f"{where} cannot be reached: {type(error).__name__} {error}".rstrip(), fix) from None
