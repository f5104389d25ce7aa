"""`ops fit --stack`: whether a stack's models fit on their card, and who holds how much of it."""

import datetime
import json
from pathlib import Path

from ops.base import atomic
from ops.fit import as_json as fit_json
from ops.fit import undeclared
from ops.fit.report import Report
from ops.stack import lock_file, stack_file
from plan.base.errors import ConfigError
from plan.card.fit import plan_fit
from plan.card.fit_table import require_fit
from plan.card.tenants import window_notes


def run(stack: str, file: Path | None, page: Path | None, *, as_json: bool, offline: bool) -> bool:
    """Show the card and return whether everything fits; raises OpsError or ConfigError for what cannot be computed."""
    report = _report(stack, file, offline=offline)
    if page:
        from ops.fit import page as fit_page

        atomic.write(page, fit_page.render(report))
    if as_json:
        print(json.dumps(fit_json.of_report(report), indent=2))
    else:
        from ops.fit import terminal

        terminal.show(report)
    return report.fits


def _report(stack: str, file: Path | None, *, offline: bool) -> Report:
    configured = stack_file.read(stack, file)
    today = datetime.date.today()  # noqa: DTZ011 - a maintenance window ends on the operator's day
    locked = lock_file.locked(configured)
    fit = plan_fit(configured, locked, today, with_contexts=True)
    refusal = None
    if fit is not None:
        try:
            require_fit(fit, configured, locked)
        except ConfigError as error:
            refusal = str(error)
    windows = window_notes(configured.gpu, today)
    others = () if offline else undeclared.lines(configured)
    return Report(stack, today.isoformat(), configured, fit, refusal, windows, others)
