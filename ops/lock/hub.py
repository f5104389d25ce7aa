"""Asks the model hub which files a model has: commit, sizes, sha256 and headers. HF_ENDPOINT names another hub."""

from collections.abc import Generator
from contextlib import contextmanager
from urllib.parse import quote

import httpx2
from huggingface_hub import hf_hub_url
from huggingface_hub.utils import build_hf_headers, get_session  # pyright: ignore[reportUnknownVariableType] - the library types one parameter as bare dict
from pydantic import BaseModel

from ops.base.errors import OpsError, unreachable
from ops.base.hub_address import hub_address
from ops.base.network import ANSWER_S, within
from ops.base.token import HF_TOKEN, token
from ops.gguf import byte_ranges
from ops.lock.locked_model import Chosen, choose, entry, locked_file
from plan.config import Model
from plan.models.lock import LockedFile, LockedModel
from plan.text import limits
from plan.text.errors import Source
from plan.text.model import read_model
from plan.text.show import plain, show

_TIMEOUT_S = 30  # the library waits for ever by default
_CHECK = "check HF_ENDPOINT, and whether a proxy or a portal answers in the hub's place"


class _Lfs(BaseModel):
    sha256: str


class _Sibling(BaseModel):
    rfilename: str
    size: int | None = None
    lfs: _Lfs | None = None


class _Info(BaseModel):
    """What the hub says of a repository at one commit."""

    sha: str
    siblings: list[_Sibling]


def resolve(model: Model, answer_s: float = ANSWER_S) -> LockedModel:
    """The locked model as the hub has it now, each answer within `answer_s`; raises OpsError or TextError."""
    endpoint = hub_address().text.rstrip("/")
    where = f"{model.repo} at {endpoint}"
    # Only the environment's token: one that `hf auth login` left on this machine would make the result depend on it.
    secret = token(HF_TOKEN)
    with _explained(where):
        said = within(answer_s, lambda: _info(endpoint, model, secret))
        if secret:  # an answer that repeats the token is not to bring it into a message
            said = said.replace(secret.encode(), b"***")
        info = read_model(said, Source(where, _CHECK), _Info)
        siblings = {sibling.rfilename: sibling for sibling in info.siblings}
        files = [_locked(where, one, siblings[one.path]) for one in choose(model, siblings)]

        def reader(file: LockedFile) -> byte_ranges.Read:
            url = hf_hub_url(model.repo, file.path, revision=info.sha)
            return lambda start, end: within(answer_s, lambda: _read(model, where, url, secret, start, end))

        return entry(model, info.sha, files, reader)


def _info(endpoint: str, model: Model, secret: str) -> bytes:
    url = f"{endpoint}/api/models/{model.repo}/revision/{quote(model.revision, safe='')}"
    with get_session().stream(
        "GET", url, headers=build_hf_headers(token=secret or False), params={"blobs": True}, timeout=_TIMEOUT_S,
        follow_redirects=True,
    ) as answer:  # fmt: skip
        _require_good(answer, model, f"{model.repo} at {endpoint}")
        return byte_ranges.body(answer, limits.BYTES + 1)


def _require_good(answer: httpx2.Response, model: Model, where: str) -> None:
    """Raise OpsError where the hub refuses, by its status and the code in a header; its pages are not read."""
    match answer.headers.get("X-Error-Code"), answer.status_code:
        case _, status if status < 400:
            return
        case "GatedRepo", _:
            what, fix = f"{where} is gated", "accept its licence there and set HF_TOKEN to a token of yours"
        case "RevisionNotFound", _:
            what, fix = f"{where} has no revision {show(model.revision)}", "correct `revision` in the stack file"
        case ("RepoNotFound", _) | (_, 401):
            what, fix = f"there is no {where}, or it is private", "correct `repo` in the stack file, or set HF_TOKEN"
        case _, status:
            what, fix = f"{where} answered HTTP {status}", "try again in a few minutes"
    raise OpsError(what, fix)


def _locked(where: str, chosen: Chosen, sibling: _Sibling) -> LockedFile:
    if not (sibling.lfs and sibling.size):
        raise OpsError(f"{where} publishes no sha256 of {show(chosen.path)}", "name a repository that stores it as LFS")
    return locked_file(where, chosen, sibling.size, sibling.lfs.sha256)


def _read(model: Model, where: str, url: str, secret: str, start: int, end: int) -> bytes:
    headers = {**build_hf_headers(token=secret or False), **byte_ranges.headers(start, end)}
    # The client drops the token at the redirect to another origin.
    with get_session().stream("GET", url, headers=headers, timeout=_TIMEOUT_S, follow_redirects=True) as answer:
        _require_good(answer, model, where)
        if start and answer.status_code != 206:
            raise OpsError(
                f"{where} sends {plain(url)} from its beginning, whatever part is requested", "use another HF_ENDPOINT"
            )
        return byte_ranges.body(answer, end - start)


@contextmanager
def _explained(where: str) -> Generator[None]:
    try:
        yield
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as error:
        fix = "check the network, and HF_ENDPOINT if it is set"
        raise unreachable(where, error, fix) from None
