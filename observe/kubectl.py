"""Asks the live cluster who is on the card, by kubectl and so with the kubeconfig that the provider uses too.

The question is put before the SDKs are imported and read when the plan is made, so that a preview does not wait for it.
What the answer means is decided in plan/card/live_tenants.py.
"""

import contextlib
import os
import subprocess
from typing import TYPE_CHECKING

from plan.card.kubectl_answer import KINDS, TEMPLATE, parse

if TYPE_CHECKING:
    from plan.card.kubectl_answer import Observed
    from plan.card.tenancy import Tenancy

_REQUEST_S = 10  # for each of kubectl's requests; a cluster that needs longer is not well
_ANSWER_S = 25  # it asks a cluster that it cannot reach again and again
_ASK = ["kubectl", "get", ",".join(KINDS), "--all-namespaces", f"--request-timeout={_REQUEST_S}s"]
_FRUGAL = {"GOGC": "400"}  # a quarter of its work is to collect garbage of a process that ends (kubectl 1.36)


class NoAnswerError(Exception):
    """The cluster could not be asked; the text says why, without a full stop."""


class Question:
    """What is put to the cluster when this is made; at any time later it is answered, or dropped."""

    def __init__(self) -> None:
        pipe = subprocess.PIPE
        try:
            self._asked: subprocess.Popen[str] | str = subprocess.Popen(
                [*_ASK, f"--output=go-template={TEMPLATE}"],
                stdin=subprocess.DEVNULL,
                stdout=pipe,
                stderr=pipe,
                text=True,
                env=_FRUGAL | os.environ,
            )
        except FileNotFoundError:
            self._asked = "kubectl is not on PATH"
        except OSError as error:
            self._asked = f"kubectl does not start: {error.strerror}"
        else:
            # On two cores it would hold up the imports, which a preview waits for; its answer is read long after.
            with contextlib.suppress(OSError, AttributeError):  # it has ended, or there are no priorities
                os.setpriority(os.PRIO_PROCESS, self._asked.pid, 10)

    def answer(self) -> str:
        """What kubectl printed for TEMPLATE; waits for it. Raises NoAnswerError."""
        if isinstance(self._asked, str):
            raise NoAnswerError(self._asked)
        try:
            printed, said = self._asked.communicate(timeout=_ANSWER_S)
        except subprocess.TimeoutExpired:
            self.drop()
            raise NoAnswerError(f"kubectl has no answer after {_ANSWER_S} s") from None
        if self._asked.returncode:
            raise NoAnswerError(_reason(said) or f"kubectl ended with exit code {self._asked.returncode}")
        return printed

    def drop(self) -> None:
        """End what nobody will read."""
        if not isinstance(self._asked, str):
            self._asked.kill()
            self._asked.communicate()


def start() -> Question | None:
    """Ask, where Pulumi runs the program; whoever else runs it (a test, `ops render`) has no cluster in mind."""
    return Question() if "PULUMI_CONFIG" in os.environ else None


def notes(question: Question | None, wanted: "Tenancy") -> tuple[str, ...]:
    """What the preview has to say about the card's tenants; raises ConfigError where the server could not come back."""
    from plan.card import live_tenants  # late: it would delay the question

    if question is None:
        return ()
    if not (wanted.shared or wanted.memory):
        question.drop()
        return ()
    try:
        return live_tenants.judge(wanted, question.answer())
    except NoAnswerError as error:
        return live_tenants.unread(wanted, str(error))


def look(cluster_id: str | None) -> "Observed":
    """The cluster as it is now; raises NoAnswerError, also where kubectl leads to another one than is named."""
    try:
        seen = parse(Question().answer())
    except ValueError as error:
        raise NoAnswerError(str(error)) from None
    if cluster_id not in (None, seen.cluster_id):
        whose = f"the stack belongs to the cluster {cluster_id}, kubectl asks {seen.cluster_id}"
        raise NoAnswerError(f"{whose}, and who is there is not the stack's")
    return seen


def _reason(said: str) -> str:
    lines = [line.strip().rstrip(".") for line in said.splitlines() if line.strip()]
    # Of several refusals each names a right; of anything else the last line sums up.
    refused = [line for line in lines if line.startswith("Error from server")]
    return "; ".join(refused or lines[-1:])
