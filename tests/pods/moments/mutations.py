"""Faults to put into the programs, so that we know that an interleaving can find one."""

from collections.abc import Callable

from pods.fetch import download, streams
from pods.fetch.part import Part
from pods.prune import prune
from pods.volume.inventory import Inventory, scan


def _unhashed() -> None:
    """A fetch takes any bytes for the locked ones."""
    transfer = download.Download.transfer

    def instead(self: download.Download, part: Part) -> str:
        transfer(self, part)
        return self.file.sha256

    download.Download.transfer = instead  # type: ignore[method-assign]


def _renamed_first() -> None:
    """A fetch gives the part the blob's name when its bytes begin to come, and not last."""
    start = streams.Streams.start

    def instead(self: streams.Streams) -> None:
        start(self)
        self._part.keep()

    streams.Streams.start = instead  # type: ignore[method-assign]


def _no_second_look() -> None:
    """Prune does not look again whether a fetch has published what it moved."""

    def restore(order: prune.Order) -> Inventory:
        return scan(order.root)

    prune._restore = restore


MUTATIONS: dict[str, Callable[[], None]] = {
    "": lambda: None,
    "unhashed": _unhashed,
    "renamed first": _renamed_first,
    "no second look": _no_second_look,
}
