"""Asks the model hub which files a model has: commit, sizes, sha256 and headers. HF_ENDPOINT names another hub."""

import re
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import quote

import httpx2
from huggingface_hub.utils import build_hf_headers, get_session  # pyright: ignore[reportUnknownVariableType] - the library types one parameter as bare dict
from pydantic import BaseModel

from ops.base.errors import OpsError, unreachable
from ops.base.hub_address import hub_address
from ops.base.network import ANSWER_S, within
from ops.base.token import HF_TOKEN, token
from ops.gguf import byte_ranges
from ops.lock.locked_model import Chosen, Repository, Resolved, choose, entry, locked_file, repositories
from plan.config import Model
from plan.models.lock import COMMIT, SHA256, LockedFile
from plan.text import limits
from plan.text.errors import Source
from plan.text.model import read_model
from plan.text.show import plain, show

_TIMEOUT_S = 30  # the library waits for ever by default
_TRY_AGAIN = "try again in a few minutes"
_REFUSED = {
    403: "use a token in HF_TOKEN that may read it, or ask whoever runs the hub or the proxy",
    404: "correct `repo` and `revision` in the stack file, or HF_ENDPOINT",
    410: "name another repository in the stack file",
    451: "name another repository in the stack file: this one may not be handed out",
}
_CHECK = "check HF_ENDPOINT, and whether a proxy or a portal answers in the hub's place"


class _Lfs(BaseModel):
    sha256: str
    size: int | None = None


class _Sibling(BaseModel):
    rfilename: str
    size: int | None = None
    lfs: _Lfs | None = None


class _Info(BaseModel):
    """What the hub says of a repository at one commit."""

    sha: str
    siblings: list[_Sibling]


def resolve(model: Model, answer_s: float = ANSWER_S) -> Resolved:
    """The locked model as the hub has it now, each answer within `answer_s`; raises OpsError or TextError."""
    endpoint = hub_address().text.rstrip("/")
    # Only the environment's token: one that `hf auth login` left on this machine would make the result depend on it.
    secret = token(HF_TOKEN)
    commits, files = list[str](), list[LockedFile]()
    for repository in repositories(model):
        where = f"{repository.repo} at {endpoint}"
        with _explained(where):
            info = _info_of(endpoint, repository, secret, answer_s)
            siblings = _by_name(where, info.siblings)
            elsewhere = None if repository.is_own else (repository.repo, info.sha)
            chosen = choose(model, repository, siblings)
            files += [_locked(where, one, siblings[one.path], elsewhere) for one in chosen]
            commits.append(info.sha)

    def reader(file: LockedFile) -> byte_ranges.Read:
        repo, commit = file.repo or model.repo, file.commit or commits[0]
        url = f"{endpoint}/{repo}/resolve/{quote(commit, safe='')}/{quote(file.path)}"
        place = _Place(model.revision, f"{repo} at {endpoint}", url, commit, file)
        return lambda start, end: within(answer_s, lambda: _read(place, secret, start, end))

    with _explained(f"{model.repo} at {endpoint}"):
        return entry(model, commits[0], files, reader)


@dataclass(frozen=True, slots=True)
class _Place:
    """A file at the hub, and what the hub has said of it."""

    revision: str
    where: str
    url: str
    commit: str
    file: LockedFile


def _by_name(where: str, siblings: Iterable[_Sibling]) -> dict[str, _Sibling]:
    found: dict[str, _Sibling] = {}
    for one in siblings:
        if found.setdefault(one.rfilename, one) != one:
            raise OpsError(f"{where} lists {show(one.rfilename)} twice, each time as another file", _CHECK)
    return found


def _info_of(endpoint: str, repository: Repository, secret: str, answer_s: float) -> _Info:
    said = within(answer_s, lambda: _info(endpoint, repository, secret))
    if secret:  # an answer that repeats the token is not to bring it into a message
        said = said.replace(secret.encode(), b"***")
    return read_model(said, Source(f"{repository.repo} at {endpoint}", _CHECK), _Info)


def _info(endpoint: str, repository: Repository, secret: str) -> bytes:
    url = f"{endpoint}/api/models/{repository.repo}/revision/{quote(repository.revision, safe='')}"
    with get_session().stream(
        "GET", url, headers=build_hf_headers(token=secret or False), params={"blobs": True}, timeout=_TIMEOUT_S,
        follow_redirects=True,
    ) as answer:  # fmt: skip
        _require_good(answer, repository.revision, f"{repository.repo} at {endpoint}")
        return byte_ranges.body(answer, limits.BYTES + 1)


def _require_good(answer: httpx2.Response, revision: str, where: str) -> None:
    """Raise OpsError where the hub refuses, by its status and the code in a header; its pages are not read."""
    match answer.headers.get("X-Error-Code"), answer.status_code:
        case _, status if status < 400:
            return
        case "GatedRepo", _:
            what, fix = f"{where} is gated", "accept its licence there and set HF_TOKEN to a token of yours"
        case "RevisionNotFound", _:
            what, fix = f"{where} has no revision {show(revision)}", "correct `revision` in the stack file"
        case ("RepoNotFound", _) | (_, 401):
            what, fix = f"there is no {where}, or it is private", "correct `repo` in the stack file, or set HF_TOKEN"
        case _, status:
            what, fix = f"{_who(answer, where)} answered HTTP {status}", _REFUSED.get(status, _TRY_AGAIN)
            if fix == _TRY_AGAIN and 400 <= status < 500 and status not in (408, 425, 429):
                fix = _CHECK
            pause = re.fullmatch("[0-9]{1,4}", answer.headers.get("Retry-After", ""))
            fix = f"try again in {pause[0]} s" if pause and fix == _TRY_AGAIN else fix
    raise OpsError(what, fix)


def _who(answer: httpx2.Response, where: str) -> str:
    """The hub, or the other server to which it has led: a CDN's refusal is not the hub's."""
    first = answer.history[0].url if answer.history else answer.url
    moved = (first.host, first.port) != (answer.url.host, answer.url.port)
    return f"{plain(answer.url.netloc.decode('latin-1'))}, to which {where} leads," if moved else where


def _locked(where: str, chosen: Chosen, sibling: _Sibling, elsewhere: tuple[str, str] | None) -> LockedFile:
    if not (sibling.lfs and sibling.size):
        raise OpsError(f"{where} publishes no sha256 of {show(chosen.path)}", "name a repository that stores it as LFS")
    if sibling.lfs.size not in (None, sibling.size):
        what = f"{where} says two sizes of {show(chosen.path)}: {sibling.size} bytes and {sibling.lfs.size}"
        raise OpsError(what, _CHECK)
    return locked_file(where, chosen, sibling.size, sibling.lfs.sha256, elsewhere)


def _read(place: _Place, secret: str, start: int, end: int) -> bytes:
    headers = {**build_hf_headers(token=secret or False), **byte_ranges.headers(start, end)}
    # The client drops the token at the redirect to another origin.
    with get_session().stream("GET", place.url, headers=headers, timeout=_TIMEOUT_S, follow_redirects=True) as answer:
        _require_good(answer, place.revision, place.where)
        _require_same(answer, place, start)
        return byte_ranges.body(answer, end - start)


def _require_same(answer: httpx2.Response, place: _Place, start: int) -> None:
    """Raise OpsError where the file is not the one that the hub's list has, or begins elsewhere."""
    url, size = plain(place.url), place.file.size
    if start and answer.status_code != 206:
        what = f"{place.where} sends {url} from its beginning, whatever part is requested"
        raise OpsError(what, "use another HF_ENDPOINT")
    if answer.status_code == 206 and (found := byte_ranges.part(answer)) != (start, size):
        got = f"a part from byte {found[0]} of {found[1]}" if found else "a part without its place"
        raise OpsError(f"{place.where} sends {url} as {got}; asked was for byte {start} of {size}", _CHECK)
    for said in (*answer.history, answer):
        # Headers of the hub's own answer (huggingface_hub 2.4, constants.py); a file outside LFS has git's digest.
        etag = said.headers.get("X-Linked-Etag", "").removeprefix("W/").strip('"')
        linked, commit = said.headers.get("X-Linked-Size", ""), said.headers.get("X-Repo-Commit", "")
        other = SHA256.fullmatch(etag) and etag != place.file.sha256 and f"the sha256 {etag}"
        other = other or (re.fullmatch("[0-9]{1,18}", linked) and int(linked) != size and f"{int(linked)} bytes")
        other = other or (COMMIT.fullmatch(commit) and commit != place.commit and f"the commit {commit}")
        if other:
            raise OpsError(f"{place.where} lists {url}, and sends another file in its place, with {other}", _CHECK)


@contextmanager
def _explained(where: str) -> Generator[None]:
    try:
        yield
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as error:
        fix = "check the network, and HF_ENDPOINT if it is set"
        raise unreachable(where, error, fix) from None
