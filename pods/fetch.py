"""Entry of the pods' programs: `fetch` brings a model's locked files onto the volume, `gate` waits for complete ones,
`warm` reads them into the node's memory, `prune` sets aside what nothing needs; `advertise` offers a node's GPU memory.

Runs as `python3 -I -S fetch.py COMMAND --manifest JSON|@FILE` on Python 3.11 to 3.13: standard library and
the files beside this one, all mounted from one ConfigMap. HF_TOKEN is from the environment.

Exit codes (sysexits.h): 65 other bytes than locked, 66 not found, 69 unavailable, 73 no space or not writable, 74 input
or output error, 77 not allowed, 78 unusable manifest, 143 ended by SIGTERM; the gate: 1 not complete. Trying again can
help after 1, 69, 74 and 143 only.
"""

import argparse
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # -I leaves the script's own directory out

import advertise
import gate
import prune
import warm
from adopt import adopt
from download import Download
from hub import Hub
from manifest import Manifest
from report import ExitError, Progress, run, say
from slots import Slots
from volume import Volume

# What a person can do about it, where the error itself does not say.
NEXT = {
    65: "where the file was replaced at the hub, `python -m ops lock --update {id}`; else it is damaged on its way: "
    "fetch from another endpoint",
    66: "it was renamed or removed: `python -m ops lock --update {id}`",
    69: "the next run goes on from here; if it lasts, see whether {endpoint} can be reached from the cluster",
}


def fetch(manifest_text: str) -> None:
    """Make the generation complete; where it is, nothing is asked, read or written (unless to verify)."""
    manifest = Manifest.parse(manifest_text)
    hub = Hub(manifest.endpoint, os.environ.get("HF_TOKEN", "").strip(), manifest.stall_s)
    volume, slots = Volume(manifest), Slots(manifest)
    missing = [file for file in manifest.files if not volume.has(file, manifest.verify == "always")]
    if missing:
        volume.require_writable()
        missing = adopt(volume, missing)
        volume.require_room(missing)
    progress = Progress(manifest.progress_s, sum(file.size for file in missing))
    try:
        for file in missing:
            Download(volume, hub, slots, file, progress).run()
            progress.finished_bytes += file.size
    except ExitError as failure:
        hint = NEXT.get(failure.code, "").format(id=manifest.id, endpoint=manifest.endpoint)
        raise ExitError(failure.code, f"{failure}; {hint}" if hint else str(failure)) from None
    slots.release()
    volume.publish()
    say("ready", id=manifest.id, gen=manifest.gen, fetched=[file.path for file in missing])


COMMANDS = {
    "fetch": fetch,
    "gate": gate.wait,
    "warm": warm.warm,
    "prune": prune.prune,
    "advertise": advertise.advertise,
}


def main() -> None:
    parser = argparse.ArgumentParser(description="The programs that run in the stack's pods.")
    parser.add_argument("command", choices=list(COMMANDS))
    parser.add_argument("--manifest", required=True, metavar="JSON|@FILE", help="rendered by the stack")
    arguments = parser.parse_args()
    run(lambda: COMMANDS[arguments.command](_text(arguments.manifest)))


def _text(argument: str) -> str:
    if not argument.startswith("@"):
        return argument
    try:
        with open(argument[1:]) as source:
            return source.read()
    except (OSError, UnicodeDecodeError) as error:
        raise ExitError(78, f"the manifest is unusable: {error}") from None


if __name__ == "__main__":
    main()
