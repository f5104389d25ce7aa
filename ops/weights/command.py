"""`ops weights`: shows what is on a volume of models, which stacks need it, and what prune would free.

It runs the report of the program that prunes in the cluster, and gives it the models of the lock as those to keep.
"""

import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from ops.base.errors import OpsError
from ops.stack import lock_file, stack_file, stack_models
from plan.base import names
from plan.config import Prune
from plan.models.lock import LockedModel
from plan.text.errors import Source
from plan.text.json_reader import read_json
from plan.text.show import LINE, plain, words
from plan.weights import prune
from plan.weights.prune import grace_seconds

_PROGRAM = Path(__file__).parents[2] / "pods" / "archives" / "prune.pyz"
GRACE_S = grace_seconds(Prune())  # the default of a stack
Line = dict[str, Any]
Users = dict[tuple[str, str], list[str]]


def run(root: Path | None, stack: str | None, *, as_json: bool) -> None:
    """Print the volume below `root`, as a table or as JSON. Raises OpsError or ConfigError; writes nothing."""
    if root is None or not os.path.isdir(root / ".blobs"):  # Path.is_dir raises, of a name that is too long
        raise OpsError(*_not_here(root, stack))
    stacks = [stack] if stack else stack_file.names()
    models, users = lock_file.read().models, Users()
    for name in stacks:
        for model_id in stack_models.read(name):
            if model_id in models:
                users.setdefault((model_id, models[model_id].gen), []).append(name)
    lines, ids = _ask(root, {key[0]: models[key[0]] for key in users}), {names.slug(it): it for it in models}
    for it in lines:
        if it["event"] == "generation":  # its directory, whose name an id that is no label does not have
            it["id"] = ids.get(it["id"], it["id"])
    report = _report(root, lines, users)
    if as_json:
        print(json.dumps({"root": str(root), "stacks": stacks, "grace_s": GRACE_S, **report}, indent=2))
    else:
        _show(report)


def _not_here(root: Path | None, stack: str | None) -> tuple[str, str]:
    what = (
        f"{root} is not a volume of models: it has no .blobs"
        if root
        else "--root is missing; a cluster's volume is not visible here"
    )
    where = f"-n {stack_file.namespace(stack)}"
    job = f"kubectl create job {where} --from=cronjob/{names.PRUNE_CRON_JOB} weights-report"
    logs = f"kubectl logs {where} -f job/weights-report"
    return what, f"pass --root where it is mounted; else `{job}`, which prunes as the stack says, and `{logs}`"


def _ask(root: Path, keep: dict[str, LockedModel]) -> list[Line]:
    manifest = prune.manifest(str(root.absolute()), "report", GRACE_S, keep)
    argv = [sys.executable, "-I", "-S", str(_PROGRAM), "prune", "--manifest", "@/dev/stdin"]
    ran = subprocess.run(argv, input=manifest.encode(), capture_output=True, check=False)
    said = Source("the program that reads the volume", "run `make pods`, and this again")
    lines: list[Line] = [read_json(line, said) for line in ran.stdout.splitlines()]
    if ran.returncode:
        said_why = [str(line["reason"]) for line in lines if line.get("reason")]
        why = said_why[-1] if said_why else ran.stderr.decode(errors="replace")
        what = f"{plain(str(root))} cannot be read: {words(why)}"
        raise OpsError(what, "run this as the user to whom the files belong, or as root")
    return lines


def _report(root: Path, lines: list[Line], users: Users) -> Line:
    of = defaultdict[str, list[Line]](list)
    for line in lines:
        of[line.pop("event")].append(line)
    now, size = time.time(), {blob["sha256"]: blob["bytes"] for blob in of["blob"]}
    whole = {blob["sha256"] for blob in of["blob"] if "" in blob["files"]}
    named = {sha256 for it in of["generation"] for sha256 in it["sha256"]}
    generations = [
        {
            **{key: it[key] for key in ("id", "gen", "ready", "state", "since", "unknown")},
            "bytes": sum(size.get(sha256, 0) for sha256 in it["sha256"]),
            "age_s": round(now - it["written"]),
            "stacks": users.get((it["id"], it["gen"]), []),
            "lost": [sha256 for sha256 in it["sha256"] if it["ready"] and sha256 not in whole],
        }
        for it in of["generation"]
    ]
    (summary,) = of["summary"]
    return {
        "generations": generations,
        "blobs": [_without(it, "done") for it in of["blob"] if it["sha256"] not in named],
        "aside": [_without(it, "done", "freed_bytes") | {"path": _below(root, it)} for it in of["aside"]],
        "unknown": [it | {"path": _below(root, it)} for it in of["unknown"]],
        "unreadable": of["unreadable"],
        "summary": _without(summary, "mode", "freed_bytes")
        | {"would_free_bytes": summary["due_bytes"] + summary["expired_bytes"]},
    }


def _without(line: Line, *keys: str) -> Line:
    return {key: value for key, value in line.items() if key not in keys}


def _below(root: Path, line: Line) -> str:
    return str(Path(line["path"]).relative_to(root.absolute()))


def _show(report: Line) -> None:
    from ops.base.terminal import console, row, whole

    out, now = console(), time.time()
    table = whole("model", "generation", "MiB", "age", "needed by", "state")
    for it in report["generations"]:
        row(table, it["id"], it["gen"], _mib(it["bytes"]), _age(it["age_s"]), ", ".join(it["stacks"]), _state(it, now))
    for it in report["blobs"]:
        kinds = ", ".join(suffix or "bytes" for suffix in it["files"])
        row(table, "(no model)", f"sha256-{it['sha256']}", _mib(it["bytes"]), "", "", f"{it['state']}, {kinds}")
    for it in report["aside"]:
        row(table, "(set aside)", it["path"], _mib(it["bytes"]), _age(now - it["since"]), "", it["state"])
    for it in report["unknown"]:
        row(table, "(not ours)", it["path"], _mib(it["bytes"]), "", "", "never removed")
    out.print(table)
    for it in report["generations"]:
        if it["lost"] and it["stacks"]:
            out.print(plain(_repair(it), LINE), style="yellow", soft_wrap=True)
    for it in report["unreadable"]:
        out.print(plain(f"{it['path']}: {it['reason']}", LINE), style="yellow", soft_wrap=True)
    sums = report["summary"]
    due, expired = _mib(sums["due_bytes"]), _mib(sums["expired_bytes"])
    print(f"prune: {due} MiB are due for the trash, {expired} MiB have lain aside for longer than the grace")


def _state(it: Line, now: float) -> str:
    state = it["state"] if it["ready"] else f"{it['state']}, not complete"
    if it["lost"]:
        state += f", lost {len(it['lost'])} of its files"
    if it["since"] is not None:
        state += f", unused for {_age(now - it['since'])}"
    return f"{state}, holds {', '.join(it['unknown'])}" if it["unknown"] else state


def _repair(it: Line) -> str:
    job = f"kubectl delete job {names.fetch_job(it['id'])} -n {stack_file.namespace(it['stacks'][0])}"
    return f"{it['id']}: `{job}`, then `pulumi up --refresh` fetches it again"


def _mib(size: int) -> str:
    return f"{size / 2**20:.1f}"


def _age(seconds: float) -> str:
    return f"{seconds / 86400:.0f} d" if seconds >= 2 * 86400 else f"{seconds / 3600:.0f} h"
