"""What a GGUF file's name says of it: quantization, whether it is a vision projector, which part of a split model."""

import re

from plan.models.ggml_types import FILE_TYPES

SPLIT = re.compile(r"-(\d{5})-of-(\d{5})\.gguf$")
# A quantization's name stands between separators; what follows with an underscore belongs to it (Q4_K_M, Q2_K_XL).
_TAG = re.compile(
    r"(?<![A-Za-z0-9])(UD[-_])?((?:I?Q|TQ|MXFP|NVFP)\d+(?:_[A-Za-z0-9]+)*|BF16|F16|F32)(?![A-Za-z0-9])", re.I
)


def tag(path: str) -> str:
    """The quantization in a file's name, or else in its directory's; "" where there is none, "A+B" for several."""
    *directories, name = path.split("/")
    for text in (name, "/".join(directories)):
        found = {("UD-" if ud else "") + quant.upper() for ud, quant in _TAG.findall(text)}
        if found:
            return "+".join(sorted(found))
    return ""


def quantization(path: str, file_type: int | None) -> str:
    """What a file is quantized to: by its name, else by its header's general.file_type, else "unknown"."""
    return tag(path) or FILE_TYPES.get(-1 if file_type is None else file_type, "unknown")


def numbered_part(path: str) -> str | None:
    """ "2/3" for a file named -00002-of-00003.gguf; None for a whole one."""
    match = SPLIT.search(path)
    return f"{int(match[1])}/{int(match[2])}" if match else None
