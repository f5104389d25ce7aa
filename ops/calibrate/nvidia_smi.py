"""Reads nvidia-smi's list of the processes on a card.

nvidia-smi has to run on the node: inside a container it does not see the processes of other containers.
"""

import re
from collections import Counter
from dataclasses import dataclass

from ops.base.errors import OpsError
from plan.text.decode import decode
from plan.text.errors import Source
from plan.text.show import plain, show

COMMAND = "nvidia-smi --query-compute-apps=pid,process_name,used_gpu_memory --format=csv"
_HEAD = re.compile(r"pid *, *process_name *, *used_(gpu_)?memory\b", re.IGNORECASE)
_AGAIN = f"on the node, as root, run `{COMMAND}` while the model is loaded"


@dataclass(frozen=True, slots=True)
class Process:
    """One process; `mib` is the GPU memory it holds, its CUDA context included."""

    pid: int
    name: str
    mib: int


def parse(content: bytes) -> list[Process]:
    """Every process on the card; raises OpsError where nvidia-smi hides a figure, and for text of another program."""
    text = decode(content, Source("the list of processes", _AGAIN)).text
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines or not _HEAD.match(lines[0]):
        first = show(lines[0] if lines else None)
        raise OpsError(f"this is not a list of processes from nvidia-smi: {first}", _AGAIN)
    if not lines[1:]:
        raise OpsError("nvidia-smi lists no process", f"{_AGAIN}: a container does not see other containers' processes")
    found = [_process(line) for line in lines[1:]]
    pid, times = Counter(process.pid for process in found).most_common(1)[0]
    if times > 1:
        what = f"process {pid} is there twice: the node has several cards, and the list does not say which is meant"
        raise OpsError(what, "ask nvidia-smi for one card, by its option -i and the card's number")
    return found


def _process(line: str) -> Process:
    pid, _, rest = line.partition(",")
    name, _, size = rest.rpartition(",")
    name, size = name.strip(), size.strip()
    if size.startswith("["):  # [N/A], [Not Supported], [Insufficient Permissions]
        raise OpsError(f"nvidia-smi does not say how much {plain(name or line)} holds: {plain(size)}", _AGAIN)
    found = re.fullmatch(r"([0-9]{1,9})(?: MiB)?", size)
    if not found or not re.fullmatch(r"[0-9]{1,10}", pid.strip()) or not name:
        raise OpsError(f"this is not a line of nvidia-smi's list: {show(line)}", _AGAIN)
    return Process(int(pid), name, int(found[1]))
