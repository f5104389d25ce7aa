"""`make bench-fetch`: the project's fetcher against curl, hf download and aria2c, all with the same file and line.

Ratios of one run, because seconds are the machine's: downloaders take turns, round by round, at a server on this
machine that sends a file from memory. Ends with 1 when a limit is missed (fetch_limits.py).
"""

import argparse
import datetime
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any, NoReturn

from rich.console import Console

from bench.downloaders import ARIA2C, ONE_STREAM, OURS, Downloader, there
from bench.fetch_limits import limits
from bench.fetch_report import as_json, load, resumed_table, runs_tables, versions
from bench.fetch_results import CAPPED, GIGABIT, PACES, UNCAPPED, Results
from bench.site import Site, site
from dev.machine.instance import CACHE
from dev.machine.steps import DevError, say
from dev.pulumi.stackfile import ROOT
from dev.tools import debian

MIB = 1024
RESULTS = ROOT / "bench" / "results"
_COPIES = 2.2  # of the file: at the hub, and on its way; some room for what they write beside it


def main(argv: list[str]) -> int:
    """Print tables and limits; 1 when a limit is missed. Written to bench/results unless the file is a small one."""
    parser = argparse.ArgumentParser(prog="python -m bench.fetch", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--mib", type=int, default=MIB, help=f"size of the file; below {MIB} it is only a trial")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dir", type=Path, default=CACHE, help="on the disk to download to (%(default)s)")
    arguments = parser.parse_args(argv)
    if arguments.mib < 1 or arguments.rounds < 1:
        raise DevError(f"--mib {arguments.mib} --rounds {arguments.rounds}: both are at least 1", "leave them out")
    _require_room(arguments.dir, arguments.mib)
    downloaders = _downloaders()
    about: dict[str, Any] = {"date": str(_today()), "cores": os.cpu_count(), "versions": versions()}
    about["load_average"] = [load()]
    with tempfile.TemporaryDirectory(prefix="bench-fetch-", dir=arguments.dir) as scratch:
        say(f"{arguments.mib} MiB of random bytes in {arguments.dir}")
        with site(Path(scratch), arguments.mib << 20) as place:
            results = Results(place.offer.size, place.offer.most_again_bytes)
            for number in range(arguments.rounds):
                say(f"round {number + 1} of {arguments.rounds}")
                turn = number % len(downloaders)  # nobody is always the first
                _round(place, results, downloaders[turn:] + downloaders[:turn])
    about["load_average"].append(load())
    return _report(results, downloaders, about, written=arguments.mib >= MIB)


def _require_room(directory: Path, mib: int) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=directory).close()
    except OSError as error:
        raise DevError(f"--dir {directory}: {error.strerror}", "name another directory by --dir") from None
    free_mib, need_mib = shutil.disk_usage(directory).free >> 20, round(mib * _COPIES)
    if free_mib < need_mib:
        raise DevError(f"{directory}: {free_mib} MiB are free, {need_mib} are needed", "name another disk by --dir")


def _downloaders() -> list[Downloader]:
    debian.install({"curl": "curl", "openssl": "openssl"})
    try:
        debian.install({"aria2": "aria2c"})
    except DevError as error:
        say(str(error))
    found = there()
    if ARIA2C not in [one.name for one in found]:
        say("aria2c is not there; the others are compared without it")
    return found


def _round(place: Site, results: Results, downloaders: list[Downloader]) -> None:
    results.server_s.append(place.server_s())
    say(f"{'the server alone':40} {results.mb_s(results.server_s[-1]):6.0f} MB/s")
    for pace in PACES:
        for one in downloaders:
            if one.name == ONE_STREAM and pace is not CAPPED:
                continue
            run = place.run(one, pace)
            results.runs.setdefault((pace.name, one.name), []).append(run)
            say(f"{pace.name + ', ' + one.name:40} {results.mb_s(run.wall_s):6.0f} MB/s, {run.wall_s:.2f} s")
    for one in downloaders:
        if one.resumes:
            results.resumed.setdefault(one.name, []).append(resumed := place.resume(one, GIGABIT))
            say(f"{'killed at 40 %, ' + one.name:40} {resumed.again_bytes / 2**20:6.1f} MiB fetched again")
    ours = next(one for one in downloaders if one.name == OURS)
    results.repeated.append(repeated := place.repeat(ours, UNCAPPED))
    say(f"{'everything present':40} {repeated.requests:6} requests, {repeated.wall_s:.2f} s")


def _report(results: Results, downloaders: list[Downloader], about: dict[str, Any], *, written: bool) -> int:
    found, console = limits(results), Console()
    for table in (*runs_tables(results, downloaders), resumed_table(results)):
        console.print(table)
    server = max(results.mb_s(seconds) for seconds in results.server_s)
    loads = " and ".join(str(values[0]) for values in about["load_average"])
    console.print(f"the server alone: {server:.0f} MB/s; {about['cores']} cores, load average {loads}")
    for limit in found:
        console.print(str(limit), style="" if limit.ok else "bold red", highlight=False, soft_wrap=True)
    if written:
        RESULTS.mkdir(exist_ok=True)
        file = RESULTS / f"fetch-{about['date']}.json"
        file.write_text(as_json(results, found, about))
        console.print(f"written to {file.relative_to(ROOT)}")
    return int(not all(limit.ok for limit in found))


def _ended(*_: object) -> NoReturn:
    sys.exit(143)  # in order: what is on the disk by now is removed


def _today() -> datetime.date:
    return datetime.datetime.now(tz=datetime.UTC).date()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _ended)
    try:
        sys.exit(main(sys.argv[1:]))
    except DevError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
