"""What plan/ hands to the programs in pods/: the JSON of each one's `--manifest`, key by key.

The programs check it again when they read it, with the standard library alone; tests/pods/test_manifests.py holds that
each of them reads every key that is written here, and finds the value in it. Further keys that a program knows, such as
waiting times, have defaults there and are for its tests.
"""

from typing import Literal, NotRequired, TypedDict


class FetchedFile(TypedDict):
    """`path` below the repository, `size` in bytes, `link` the name that a server opens.

    `repo` and `commit` are there where they are not the model's.
    """

    path: str
    size: int
    sha256: str
    link: str
    repo: NotRequired[str]
    commit: NotRequired[str]


class FetchManifest(TypedDict):
    """One model's download. `streams` at a time; `slots` models of one volume at a time, 0 for any number.

    `id` is the model's directory, `model` what clients ask for where that is another name.
    Without `proxy` and `no_proxy` the environment says which; `ca_file` is trusted besides the image's authorities.
    """

    endpoint: str
    root: str
    id: str
    gen: str
    repo: str
    commit: str
    model: NotRequired[str]
    files: list[FetchedFile]
    streams: int
    slots: int
    verify: Literal["receipt", "always"]
    proxy: NotRequired[str]
    no_proxy: NotRequired[list[str]]
    ca_file: NotRequired[str]


class AwaitedFile(TypedDict):
    link: str
    size: int


class AwaitedModel(TypedDict):
    id: str
    gen: str
    files: list[AwaitedFile]


class GateManifest(TypedDict):
    """Which generations have to be complete below `root` before the server starts."""

    root: str
    models: list[AwaitedModel]


class WarmedFile(TypedDict):
    link: str
    size: int
    sha256: str


class WarmedModel(TypedDict):
    """Models with a larger `priority` are read first. `id` and `model` as in FetchManifest."""

    id: str
    model: NotRequired[str]
    gen: str
    priority: int
    files: list[WarmedFile]


class WarmManifest(TypedDict):
    """What is read ahead; `listen` is the port of its metrics."""

    root: str
    listen: int
    models: list[WarmedModel]


class KeptGeneration(TypedDict):
    id: str
    gen: str
    sha256: list[str]


class PruneManifest(TypedDict):
    """`keep` is what nothing happens to; everything else waits for `grace_s` seconds."""

    root: str
    mode: Literal["report", "trash", "delete"]
    grace_s: int
    keep: list[KeptGeneration]


class AdvertiseManifest(TypedDict):
    """`quantity` of `resource` on each node that `selector` finds; `role` is the ClusterRole that allows it."""

    resource: str
    quantity: str
    selector: dict[str, str]
    listen: int
    poll_s: int
    role: str
