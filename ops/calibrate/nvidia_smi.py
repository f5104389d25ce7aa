"""What a node's nvidia-smi says of the processes on its card.

It has to run on the node: a container does not see the processes of others.
"""

import re
from dataclasses import dataclass

from ops.base.errors import OpsError

COMMAND = "nvidia-smi --query-compute-apps=pid,process_name,used_gpu_memory --format=csv"
_AGAIN = f"on the node, as root, run `{COMMAND}` while the model is loaded"


@dataclass(frozen=True, slots=True)
class Process:
    """One process; `mib` is what it holds of the card, its CUDA context with it."""

    pid: int
    name: str
    mib: int


def parse(text: str) -> list[Process]:
    """Every process on the card; raises OpsError for what nvidia-smi would not tell, or for another program's text."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines or not lines[0].lower().startswith("pid,"):
        first = lines[0] if lines else "nothing"
        raise OpsError(f"this is no list of processes from nvidia-smi: {first[:80]}", _AGAIN)
    if not lines[1:]:
        raise OpsError("nvidia-smi lists no process", f"{_AGAIN}: a container does not see the others'")
    return [_process(line) for line in lines[1:]]


def _process(line: str) -> Process:
    pid, _, rest = line.partition(",")
    name, _, size = rest.rpartition(",")
    name, size = name.strip(), size.strip()
    if size.startswith("["):  # [N/A], [Not Supported], [Insufficient Permissions]
        raise OpsError(f"nvidia-smi does not tell what {name or line} holds: {size}", _AGAIN)
    found = re.fullmatch(r"(\d+)(?: MiB)?", size)
    if not found or not pid.strip().isdigit() or not name:
        raise OpsError(f"this is no line of nvidia-smi's: {line[:80]}", _AGAIN)
    return Process(int(pid), name, int(found[1]))
