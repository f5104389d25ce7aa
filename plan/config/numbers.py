"""Whole numbers of the configuration. Each has a largest value, from whoever has to hold it."""

from typing import Annotated

from pydantic import Field

from plan.kubernetes.limits import ID_MAX, INT32_MAX, MIB_MAX

Mib = Annotated[int, Field(gt=0, le=MIB_MAX)]
MibOrZero = Annotated[int, Field(ge=0, le=MIB_MAX)]
Gib = Annotated[int, Field(gt=0, le=MIB_MAX // 1024)]
# Root is refused by every pod's security context.
NonRoot = Annotated[int, Field(gt=0, le=ID_MAX)]
# llama.cpp reads --ctx-size, --ubatch-size, --image-max-tokens and the like as int32 (common/arg.cpp).
Tokens = Annotated[int, Field(gt=0, le=INT32_MAX)]
Requests = Annotated[int, Field(gt=0, le=256)]  # LLAMA_MAX_SEQ, src/llama-cparams.h: more slots do not start
Build = Annotated[int, Field(gt=0, le=10**6)]  # 11312 in 2026, and some five thousand more each year
# Both engines count idle time in an int, llama-server's has 32 bits.
IdleSeconds = Annotated[int, Field(ge=1, le=INT32_MAX, description="Unload a model after this many idle seconds")]
# Less than ten seconds no pod needs to start; the upper end is Kubernetes'.
Deadline = Annotated[int, Field(ge=10, le=INT32_MAX)]
