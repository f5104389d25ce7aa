"""What `pulumi preview --json` prints: the PreviewDigest of pulumi 3.259, pkg/display/json.go.

Secrets in it are blinded by Pulumi already. Keys that a later version adds are left unread; a step or a resource of a
kind that is not known here is kept, and told of by its name.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from plan.text.errors import Source
from plan.text.model import read_model

_SOURCE = Source("Pulumi's preview in JSON", "run `pulumi preview`, which says the same in Pulumi's own words")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class State(_Part):
    """A resource before or after: what the program says of it, and what the cluster answered."""

    inputs: Mapping[str, Any] = {}
    outputs: Mapping[str, Any] = {}
    protect: bool = False
    retain_on_delete: bool = Field(default=False, alias="retainOnDelete")
    init_errors: Sequence[str] = Field(default=(), alias="initErrors")


class Step(_Part):
    """One operation on one resource; `op` is Pulumi's word for it."""

    op: str
    urn: str
    old: State = Field(default=State(), alias="oldState")
    new: State = Field(default=State(), alias="newState")
    detailed_diff: Mapping[str, Any] | None = Field(default=None, alias="detailedDiff")

    @property
    def type(self) -> str:
        """The type token without those of the components around it: kubernetes:apps/v1:Deployment."""
        return self.urn.split("::")[2].rpartition("$")[2] if self.urn.count("::") >= 3 else ""

    @property
    def resource(self) -> str:
        """The name in the program."""
        return self.urn.split("::", 3)[-1]


class Diagnostic(_Part):
    """Something that Pulumi, a plugin or the program said."""

    urn: str = ""
    message: str = ""
    severity: str = ""


class Preview(_Part):
    """A whole preview. Resources that stay as they are have no step, except the stack itself."""

    steps: Sequence[Step] = ()
    diagnostics: Sequence[Diagnostic] = ()

    def errors(self) -> tuple[tuple[str, str], ...]:
        """The URN, if any, and the message of each error."""
        return tuple((it.urn, it.message) for it in self.diagnostics if it.severity == "error")

    def said(self, *severities: str) -> tuple[str, ...]:
        """Each message of these severities, once, without what surrounds it."""
        found = [it.message.strip().removeprefix(f"{it.severity}: ") for it in self.diagnostics]
        wanted = [text for text, it in zip(found, self.diagnostics, strict=True) if it.severity in severities]
        return tuple(text for text in dict.fromkeys(wanted) if text)


def parse(content: bytes | str) -> Preview:
    """The digest; raises TextError where it is none."""
    return read_model(content, _SOURCE, Preview)
