"""`ops calibrate`: writes measured GPU memory into the stack file, where previews use it instead of estimates."""

import datetime
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table
from rich.text import Text

from ops.base import atomic, files
from ops.base.errors import OpsError, reason
from ops.base.terminal import console, row, whole
from ops.calibrate import entries as calibrate_entries
from ops.calibrate import nvidia_smi
from ops.calibrate.entries import MeasuredEntry, Wanted
from ops.calibrate.prometheus import Series
from ops.stack import lock_file, stack_edit, stack_file
from plan import config
from plan.base.errors import ConfigError
from plan.card.fit import Fit, plan_fit
from plan.card.fit_table import fit_line
from plan.text import limits
from plan.text.decode import decode
from plan.text.errors import Source
from plan.text.show import plain, show


def tenants(names: Sequence[str]) -> dict[str, str | None]:
    """The tenants of the options NAME or NAME=PATTERN; raises OpsError for a wrong regular expression."""
    found: dict[str, str | None] = {}
    for text in names:
        name, _, pattern = text.partition("=")
        try:
            re.compile(pattern)
        except re.error as error:
            raise OpsError(f"--tenant {show(text)}: {error}", "correct the regular expression") from None
        if name in found:
            raise OpsError(f"--tenant {show(name)} is there twice", "leave one of them out")
        found[name] = pattern or None
    return found


def run(stack: str, wanted: Wanted, series: Series | None, listing: str | None, *, write: bool) -> None:
    """Print the entries, and with `write` put them into Pulumi.STACK.yaml. Raises OpsError or ConfigError.

    The figures come from `series`, or from nvidia-smi's output in the file `listing`; "-" is the standard input.
    """
    file, configured = stack_file.path(stack), stack_file.read(stack)
    fit = plan_fit(configured, lock_file.locked(configured), wanted.today)
    if fit is None:
        raise OpsError(f"stack {stack} has no card: its gpu.model is none", "name the stack that has one")
    _require_known(configured, wanted)
    if series is not None:
        entries = calibrate_entries.of_pods(configured, wanted, series)
    else:
        entries = calibrate_entries.of_processes(configured, wanted, nvidia_smi.parse(_listing(listing or "-")))
    _require_some(entries)
    written = decode(files.read(file), Source(str(file), "correct the file"))
    text = written.text
    for entry in (entry for entry in entries if not entry.kept):
        text = stack_edit.set_value(text, entry.path, entry.value)
    out = console()
    out.print(_table(entries, configured, fit))
    out.print(_outlook(text, file, wanted.today), soft_wrap=True)
    if write:
        atomic.write(file, written.encode(text))
    what = "is written" if write else "would change like this; nothing is written without --write"
    out.print(Text(f"{file} {what}"), soft_wrap=True)


def _require_known(configured: config.Stack, wanted: Wanted) -> None:
    for name in wanted.tenants:
        if name not in configured.gpu.tenants:
            known = ", ".join(sorted(configured.gpu.tenants)) or "none"
            raise OpsError(
                f"{show(name)} is not a tenant of the stack; it has {known}", "declare it in gpu.tenants first"
            )
    if wanted.model and wanted.model not in configured.models:
        raise OpsError(
            f"{show(wanted.model)} is not a model of the stack", f"name one of {', '.join(sorted(configured.models))}"
        )


def _require_some(entries: Sequence[MeasuredEntry]) -> None:
    for entry in entries:
        if not int(entry.value["mib"]):
            raise OpsError(f"{_key(entry)} would be 0 MiB", "look while it works, or over more days: --days")


def _listing(place: str) -> bytes:
    try:
        if place == "-":
            return sys.stdin.buffer.read(limits.BYTES + 1)
        return files.read(Path(place))
    except (OSError, ValueError) as error:
        raise OpsError(f"{plain(place)}: {reason(error)}", f"save what `{nvidia_smi.COMMAND}` prints there") from None


def _table(entries: Sequence[MeasuredEntry], configured: config.Stack, fit: Fit) -> Table:
    table = whole("key", "was", "measured", "beside it", "")
    for entry in entries:
        was = "-" if entry.was_mib is None else str(entry.was_mib)
        beside, verdict = _beside(entry, configured, fit)
        verdict = "kept: one sample is not a peak" if entry.kept else verdict
        row(table, _key(entry), was, f"{entry.value['mib']} MiB", beside, Text(verdict, "red"))
    return table


def _beside(entry: MeasuredEntry, configured: config.Stack, fit: Fit) -> tuple[str, str]:
    """The declared or computed figure to compare with, and a remark where the measured one is larger."""
    mib, name = int(entry.value["mib"]), str(entry.path[-2])
    if entry.path[2] == "gpu":
        peak = configured.gpu.tenants[name].peak_mib
        return f"peak_mib {peak}", "" if mib <= peak else f"raise peak_mib to {mib}, or make it smaller"
    model = fit.models[str(entry.path[3])]
    text = f"{model.total_mib:.0f}, {model.source}; at most {model.upper_mib:.0f}"
    return text, "" if mib <= model.upper_mib else "more than previews have counted with"


def _key(entry: MeasuredEntry) -> str:
    return ".".join(str(step) for step in entry.path[2:] if isinstance(step, str))


def _outlook(text: str, file: Path, today: datetime.date) -> Text:
    """Whether the stack would fit with these entries, as the next preview will say it."""
    try:
        after = stack_file.parse(text, file)
        fit = plan_fit(after, lock_file.locked(after), today)
    except ConfigError as error:
        return Text(f"with these entries a preview is refused:\n  {error}", "red")
    if fit is None:
        return Text("")
    return Text("\n".join([f"with these entries {fit_line(fit)}", *fit.notes]), "red" if fit.over_mib > 0 else "green")
