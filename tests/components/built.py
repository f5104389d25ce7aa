"""What the tests of components build and look at."""

from typing import Any

from components.server.llama_swap import LlamaSwap, LlamaSwapArgs
from components.weights.model_fetch import ModelFetch, ModelFetchArgs
from ops.render.recorder import Recorder, Registration
from plan.plan import Plan


def fetch_args(plan: Plan) -> ModelFetchArgs:
    return ModelFetchArgs(plan.fetches.jobs[0], plan.fetches, "claim", "scripts-0000000")


def server(plan: Plan) -> None:
    weights = [ModelFetch("fetch", fetch_args(plan))]
    LlamaSwap("llama-swap", LlamaSwapArgs(plan.server, "claim", "scripts-0000000", weights))


def pod_of(recorder: Recorder, kind: str) -> dict[str, Any]:
    (workload,) = recorder.of(kind)
    return workload.inputs["spec"]["template"]["spec"]


def preflight_of(recorder: Recorder) -> Registration:
    (job,) = [job for job in recorder.of("Job") if job.name == "llama-swap-preflight"]
    return job
