"""Reads nvidia-smi's list of the processes on a card.

nvidia-smi has to run on the node: inside a container it does not see the processes of other containers.
"""

import re
from dataclasses import dataclass

from ops.base.errors import OpsError

COMMAND = "nvidia-smi --query-compute-apps=pid,process_name,used_gpu_memory --format=csv"
_AGAIN = f"on the node, as root, run `{COMMAND}` while the model is loaded"


@dataclass(frozen=True, slots=True)
class Process:
    """One process; `mib` is the GPU memory it holds, its CUDA context included."""

    pid: int
    name: str
    mib: int


def parse(text: str) -> list[Process]:
    """Every process on the card; raises OpsError where nvidia-smi hides a figure, and for text of another program."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines or not lines[0].lower().startswith("pid,"):
        first = lines[0] if lines else "nothing"
        raise OpsError(f"this is not a list of processes from nvidia-smi: {first[:80]}", _AGAIN)
    if not lines[1:]:
        raise OpsError("nvidia-smi lists no process", f"{_AGAIN}: a container does not see other containers' processes")
    return [_process(line) for line in lines[1:]]


def _process(line: str) -> Process:
    pid, _, rest = line.partition(",")
    name, _, size = rest.rpartition(",")
    name, size = name.strip(), size.strip()
    if size.startswith("["):  # [N/A], [Not Supported], [Insufficient Permissions]
        raise OpsError(f"nvidia-smi does not say how much {name or line} holds: {size}", _AGAIN)
    found = re.fullmatch(r"(\d+)(?: MiB)?", size)
    if not found or not pid.strip().isdigit() or not name:
        raise OpsError(f"this is not a line of nvidia-smi's list: {line[:80]}", _AGAIN)
    return Process(int(pid), name, int(found[1]))
