"""Asks the model hub which files a model has: commit, sizes, sha256 and headers. HF_ENDPOINT names another hub."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from typing import Any

import httpx2
from huggingface_hub import HfApi, constants, hf_hub_url
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError
from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status  # pyright: ignore[reportUnknownVariableType] - the library types one parameter as bare dict

from ops.base.errors import OpsError, unreachable
from ops.gguf import byte_ranges
from ops.lock.locked_model import Chosen, choose, entry
from plan.config import Model
from plan.models.lock import LockedFile, LockedModel

_TIMEOUT_S = 30  # the library waits for ever by default


def resolve(model: Model) -> LockedModel:
    """The locked model as the hub has it now; raises OpsError."""
    # Only the environment's token: one that `hf auth login` left on this machine would make the result depend on it.
    token = os.environ.get("HF_TOKEN") or False
    with _explained(model):
        info = HfApi(token=token).model_info(
            model.repo, revision=model.revision, files_metadata=True, timeout=_TIMEOUT_S
        )
        siblings = {sibling.rfilename: sibling for sibling in info.siblings or []}
        files = [_locked(model.repo, one, siblings[one.path]) for one in choose(model, siblings)]
        commit = info.sha or ""

        def reader(file: LockedFile) -> byte_ranges.Read:
            return partial(_read, hf_hub_url(model.repo, file.path, revision=commit), token)

        return entry(model, commit, files, reader)


def _locked(repo: str, chosen: Chosen, sibling: Any) -> LockedFile:
    if not (sibling.lfs and sibling.lfs.sha256 and sibling.size):
        raise OpsError(f"{repo} publishes no sha256 of {chosen.path}", "name a repository that stores it as LFS")
    return LockedFile(
        role=chosen.role, path=chosen.path, size=sibling.size, sha256=sibling.lfs.sha256, part=chosen.part
    )


def _read(url: str, token: str | bool, start: int, end: int) -> bytes:
    headers = {**build_hf_headers(token=token), **byte_ranges.headers(start, end)}
    # The client drops the token at the redirect to another origin.
    with get_session().stream("GET", url, headers=headers, timeout=_TIMEOUT_S, follow_redirects=True) as answer:
        hf_raise_for_status(answer)
        if start and answer.status_code != 206:
            raise OpsError(
                f"the server sends {url} from its beginning, whatever part is requested", "use another HF_ENDPOINT"
            )
        return byte_ranges.body(answer, end - start)


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
        raise unreachable(where, error, fix) from None
