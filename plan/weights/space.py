"""Whether the locked files fit on the volume. The fetcher checks that too, but in the cluster and after hours."""

from collections.abc import Mapping

from plan import config
from plan.base.errors import ConfigError
from plan.models.lock import LockedModel

GIB = 2**30
Models = Mapping[str, LockedModel]


def margin_bytes(download_bytes: int) -> int:
    """What stays free beside a download, as in pods/fetch/model_on_volume.py: 2 GiB, or 5 % where that is more."""
    return max(2 * GIB, download_bytes // 20)


def require_space(volume: config.Volume, locked: Models) -> None:
    """Raise ConfigError, with every model's share, where the volume is too small for all files and the margin.

    The size of an existing claim is not known, so it is not checked.
    """
    needed = _needed_bytes(locked)
    if volume.size_gib is None or needed <= volume.size_gib * GIB:
        return
    table = "".join(f"\n  {gib:>8.2f} GiB  {what}" for what, gib in _rows(locked))
    raise ConfigError(
        f"{config.KEY}.volume.size_gib",
        volume.size_gib,
        f"The models need {needed / GIB:.2f} GiB, {needed / GIB - volume.size_gib:.2f} GiB more than that. "
        f"Enlarge the volume and say {-(-needed // GIB)} or more, or drop a model:{table}",
    )


def space_notes(volume: config.Volume, locked: Models) -> tuple[str, ...]:
    """A sentence where a change of the largest model would not fit beside what serves until it is there."""
    model_id, generation = max(
        ((key, stored_bytes({key: model})) for key, model in locked.items()), key=lambda row: row[1]
    )
    needed = _needed_bytes(locked) + generation
    if volume.size_gib is None or needed <= volume.size_gib * GIB:
        return ()
    return (
        f"volume.size_gib {volume.size_gib} has no room for a second generation of {model_id} "
        f"({generation / GIB:.2f} GiB) beside all models: its files cannot change before something is pruned, "
        f"unless it is {-(-needed // GIB)} or more.",
    )


def _needed_bytes(locked: Models) -> int:
    # Whichever Job comes last finds the others' files; the one that wants most free decides.
    return stored_bytes(locked) + margin_bytes(max(stored_bytes({key: model}) for key, model in locked.items()))


def stored_bytes(locked: Models) -> int:
    """Bytes of all files on the volume, where equal files of several models are one blob."""
    return sum({file.sha256: file.size for model in locked.values() for file in model.files}.values())


def _rows(locked: Models) -> list[tuple[str, float]]:
    each = {key: stored_bytes({key: model}) for key, model in sorted(locked.items())}
    shared = sum(each.values()) - stored_bytes(locked)
    rows = [
        *each.items(),
        ("counted once, as models share them", -shared),
        ("stay free", margin_bytes(max(each.values()))),
    ]
    return [(what, count / GIB) for what, count in rows if count]
