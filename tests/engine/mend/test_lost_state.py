"""Objects of a stack whose state was lost, or of another stack: told before anything is changed."""

import re

import pytest

from dev.cluster.kubectl import kubectl
from dev.machine.steps import DevError
from dev.pulumi import mend
from dev.pulumi.stackfile import ROOT
from tests.engine.mend.mending import NAME, here, mended, told
from tests.engine.played import INSTANCE, Stack


def test_a_lost_state_is_told_and_the_runbook_leads_out_of_it(deployed: Stack) -> None:
    deployed.cli.run("stack", "rm", "--force", "--preserve-config", "--yes", "--non-interactive", quiet=True)
    deployed.cli.prepare()
    there = here("get", "deployment,service,pvc", "-o", "name").split()

    for look in (mend.before_preview, mend.before_up):
        with pytest.raises(DevError, match=r"the state of t-mend knows nothing\. Nothing was changed") as refused:
            told(deployed, look)
    assert all(name in refused.value.what for name in there)
    assert "docs/runbooks/volume.md#the-state-was-lost" in refused.value.fix

    section = (ROOT / "docs/runbooks/volume.md").read_text().partition("## The state was lost")[2]
    commands = re.findall(r"(?m)^kubectl (delete .*)$", section.replace("llama-cpp", NAME))
    assert len(commands) == 2
    for command in commands:
        kubectl(INSTANCE, *command.split())
    mended(deployed)
