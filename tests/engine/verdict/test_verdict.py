"""What the verdict says of a real preview on the played cluster is what the update then does."""

from plan import config
from plan.plan import make_plan
from plan.verdict import preview, shown
from plan.verdict.verdict import Verdict, judge
from tests import committed
from tests.engine.played import Stack
from tests.plans import TODAY


def judged(stack: Stack) -> Verdict:
    plan = make_plan(config.parse(stack.raw), committed.locked(), TODAY)
    return judge(preview.parse(stack.pulumi("preview", "--json").stdout), plan)


def test_what_is_said_of_a_change_is_what_it_does_and_other_models_jobs_stay_as_they_are(stack: Stack) -> None:
    stack.up()
    pod, job = stack.get("deployment", "llama-swap")["spec"]["template"], stack.get("job", "fetch-gemma-3-270m-q4")

    stack.raw["volume"]["nfs"]["path"] = "/elsewhere"
    moved = judged(stack)
    stack.raw["volume"] |= {"size_gib": 9, "nfs": {"server": "192.0.2.1", "path": "/srv"}}
    stack.raw["models"]["gemma-3-270m-q4"]["context"] = 2048
    del stack.raw["models"]["gemma-3-270m-q3"]
    said = judged(stack)
    stack.up()

    assert moved.failed == ()
    assert "PersistentVolume models-pv is protected" in moved.refused[0]
    assert (said.failed, said.refused, said.for_good) == ((), (), ())
    assert said.consumers.removed == ("gemma-3-270m-q3",)
    assert said.consumers.lines == ("gemma-3-270m-q4: contextTokens: 4096 -> 2048, maxOutputTokens: 2048 -> 1024",)
    assert said.weights.unused_bytes == 241961664
    assert said.runs == ("preflight",)
    assert said.restart
    assert stack.get("deployment", "llama-swap")["spec"]["template"] != pod
    assert stack.get("pv", f"{stack.namespace}-llamacpp-models")["spec"]["capacity"] == {"storage": "9Gi"}
    after = stack.get("job", "fetch-gemma-3-270m-q4")
    assert (after["metadata"]["uid"], after["spec"]) == (job["metadata"]["uid"], job["spec"])
    assert shown.page(judged(stack), ()) == ["Nothing changes."]
