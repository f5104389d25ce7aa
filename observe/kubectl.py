"""Looks at the live cluster, once for each preview. It runs kubectl, which uses the Pulumi provider's kubeconfig.

kubectl starts before the SDKs are imported, and its answer is read when the plan is made, so that a preview does not
wait for it. plan/live/look.py decides what the answer means.
"""

import contextlib
import os
import subprocess
from typing import TYPE_CHECKING

from plan.live.question import KINDS, TEMPLATE
from plan.text.show import words

if TYPE_CHECKING:  # what reads and judges the answer is imported when it is there: it would delay the question
    from plan.live.expected import Expected
    from plan.live.kubectl_answer import Answer
    from plan.live.look import Look
    from plan.live.observed import Observed

_REQUEST_S = 10  # for each of kubectl's requests; a healthy cluster answers sooner
_SHOWN = 5  # lines of what kubectl says
_ANSWER_S = 25  # kubectl retries a cluster that it cannot reach
_ASK = ["kubectl", "get", ",".join(KINDS), "--all-namespaces", f"--request-timeout={_REQUEST_S}s"]
_FRUGAL = {"GOGC": "400"}  # otherwise a quarter of its CPU time goes into garbage collection (kubectl 1.36)


class NoAnswerError(Exception):
    """The cluster could not be asked; the text says why, without a full stop."""


class Query:
    """A kubectl that starts when this is made. Later its answer is read, or it is dropped."""

    def __init__(self) -> None:
        pipe = subprocess.PIPE
        try:
            self._asked: subprocess.Popen[bytes] | str = subprocess.Popen(
                [*_ASK, f"--output=go-template={TEMPLATE}"],
                stdin=subprocess.DEVNULL,
                stdout=pipe,
                stderr=pipe,
                env=_FRUGAL | os.environ,
            )
        except FileNotFoundError:
            self._asked = "kubectl is not on PATH"
        except OSError as error:
            self._asked = f"kubectl does not start: {error.strerror}"
        else:
            # On two cores kubectl would slow down the imports that a preview waits for; its answer is read much later.
            with contextlib.suppress(OSError, AttributeError):  # it has ended already, or the system has no priorities
                os.setpriority(os.PRIO_PROCESS, self._asked.pid, 10)

    def answer(self) -> "Answer":
        """What kubectl printed, after waiting for it, also where it may not list some kinds. Raises NoAnswerError."""
        from plan.live.kubectl_answer import Answer, refusals

        if isinstance(self._asked, str):
            raise NoAnswerError(self._asked)
        try:
            printed, told = self._asked.communicate(timeout=_ANSWER_S)
        except subprocess.TimeoutExpired:
            self.drop()
            raise NoAnswerError(f"kubectl has no answer after {_ANSWER_S} s") from None
        if not self._asked.returncode:
            return Answer(printed)
        said = told.decode(errors="replace")
        if refused := refusals(said):
            return Answer(printed, refused)
        raise NoAnswerError(_reason(said) or f"kubectl ended with exit code {self._asked.returncode}")

    def drop(self) -> None:
        """End kubectl; its answer is not needed."""
        if not isinstance(self._asked, str):
            self._asked.kill()
            self._asked.communicate()


def start() -> Query | None:
    """Ask where Pulumi runs the program. A test or `ops render` runs it too, and has no cluster to ask."""
    return Query() if "PULUMI_CONFIG" in os.environ else None


def judged(question: Query | None, expected: "Expected") -> "Look":
    """What the answer means for the stack; raises ConfigError for what no waiting mends."""
    from plan.live import look

    if question is None:
        return look.unasked(expected)
    try:
        return look.judge(expected, question.answer())
    except NoAnswerError as error:
        return look.unread(expected, str(error))


def look(cluster_id: str | None) -> "Observed":
    """The cluster as it is now; raises NoAnswerError, also where kubectl asks another cluster than `cluster_id`."""
    from plan.live.kubectl_answer import parse

    try:
        seen = parse(Query().answer())
    except ValueError as error:
        raise NoAnswerError(str(error)) from None
    if reasons := [why for kind, why in seen.refused.items() if kind in ("nodes", "pods")]:
        raise NoAnswerError("; ".join(reasons))
    if cluster_id not in (None, seen.cluster_id):
        whose = f"the stack belongs to the cluster {cluster_id}, kubectl asks {seen.cluster_id}"
        raise NoAnswerError(f"{whose}, and who is there is not the stack's")
    return seen


def _reason(said: str) -> str:
    lines = [words(line.strip().rstrip(".")) for line in said.splitlines() if line.strip()]
    # Each refusal names a missing right, so all are shown; of other output the last line is the summary.
    refused = [line for line in lines if line.startswith("Error from server")]
    return "; ".join(refused[:_SHOWN] or lines[-1:])
