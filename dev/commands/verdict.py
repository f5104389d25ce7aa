"""What `make preview` and `make up` say before anything changes: the verdict, a short diff, and the notes, each once.

DIFF=1 prints Pulumi's own whole diff in place of the short one.
"""

import dataclasses
import datetime
import os

from dev.cluster import kubectl
from dev.machine.steps import DevError, step
from dev.pulumi.cli import PulumiCli
from dev.pulumi.stackfile import ROOT, rendered
from observe import stack_files
from plan import config
from plan.base import names
from plan.base.errors import ConfigError, FixableError
from plan.config import stack_file
from plan.models import lock
from plan.plan import Plan, make_plan
from plan.verdict import notes, preview, shown
from plan.verdict.measured import measured
from plan.verdict.verdict import Verdict, judge

_EVERY_S = 5.0  # a preview takes some ten seconds, and nobody should wonder whether it hangs
_LINES = 50  # of each pod's log: the last minutes of a download, each model that was read


def told(cli: PulumiCli) -> tuple[int, PulumiCli]:
    """Preview and print; returns Pulumi's exit code, and the CLI whose further runs do not repeat the notes."""
    with step(f"pulumi preview of the stack {cli.stack}", every_s=_EVERY_S):
        code, output = cli.previewed()
    if code and not output.lstrip().startswith("{"):  # it ended before there was anything to preview
        print(output, end="")
        return code, cli
    digest, plan = preview.parse(output), _planned(cli)
    verdict = judge(digest, plan)
    if log := _logs(cli, plan, verdict):
        verdict = judge(digest, plan, measured(log))
    said = digest.said("info", "info#err", "warning")
    whole = os.environ.get("DIFF", "") not in ("", "0")
    print("\n".join(["", *shown.page(verdict, said, whole=whole), ""]))
    quiet = dataclasses.replace(cli, told=notes.marks(shown.noted(said, whole=whole).notes))
    return (quiet.preview() if whole and not verdict.is_nothing else code), quiet


def require(cli: PulumiCli) -> PulumiCli:
    """The same before an `up`: raises DevError where the preview fails."""
    code, quiet = told(cli)
    if code:
        raise DevError(
            f"the preview of the stack {cli.stack} ended with exit code {code}, and nothing was changed",
            "read the message above, correct it, and run the command again",
        )
    return quiet


def _planned(cli: PulumiCli) -> Plan:
    """The plan that the program makes, from the very files that it reads; raises DevError where it made none."""
    file = rendered(cli.instance, cli.stack)
    try:
        stack = config.parse(stack_file.configuration(file.read_bytes(), file))
        locked = lock.load((ROOT / lock.LOCK_FILE).read_bytes())
        today = datetime.date.today()  # noqa: DTZ011 - the operator's day, as in the program
        return make_plan(stack, locked, today, stack_files.templates(stack, ROOT))
    except ConfigError as error:
        raise DevError(str(error), f"correct {stack_file.file_name(cli.stack)}, then run this again") from None
    except FixableError as error:
        raise DevError(error.what, error.fix) from None


def _logs(cli: PulumiCli, plan: Plan, verdict: Verdict) -> str:
    """What pods said of their rates, as far as this change needs them; "" where none is there any more."""
    fetch = ",".join(f"{key}={value}" for key, value in names.selector(names.FETCH).items())
    asked = [("-l", fetch)] if verdict.weights.fetched else []
    asked += [(f"deployment/{plan.server.name}", "-c", names.WARM)] if verdict.restart and plan.server.warm else []
    return "".join(_log(cli, plan.namespace, *whose) for whose in asked)


def _log(cli: PulumiCli, namespace: str, *whose: str) -> str:
    try:
        return kubectl.run(
            cli.kubeconfig, "logs", *whose, "-n", namespace, f"--tail={_LINES}", "--timestamps", "--request-timeout=5s"
        )
    except DevError:
        return ""  # they are estimates; bytes and declared rates are said without them
