"""A text that follows a rule, in the configuration or the lock: people are told it in words, editors have a pattern."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

# A text that Kubernetes has no rule for, such as a name at the hub. A whole ConfigMap has to stay below 1 MiB.
LONGEST = 1024


@dataclass(frozen=True, slots=True)
class TextRule:
    """Annotates a text: `Repo = Annotated[str, TextRule(r"[\\w.-]+/[\\w.-]+", "a repository is owner/name: ...")]`.

    `pattern` is of the whole text, understood alike by Python (ASCII only) and ECMAScript, without a choice outside
    brackets. `words` says the rule as a sentence without its full stop; `longest` counts characters. `also` raises
    ValueError, in words too, for what a pattern cannot say.
    """

    pattern: str
    words: str
    longest: int = LONGEST
    also: Callable[[str], object] | None = None

    def __call__(self, text: str) -> str:
        """The text itself; raises ValueError in words."""
        if len(text) > self.longest:
            raise ValueError(f"this is {len(text)} characters long, and {self.longest} are the most")
        if not re.fullmatch(self.pattern, text, re.ASCII):
            raise ValueError(self.words)
        if self.also:
            self.also(text)
        return text

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "maxLength": self.longest, "pattern": f"^{self.pattern}$"}


def one_line(text: str) -> str:
    """The text, where it can stand on a line of llama-swap's file; raises ValueError in words."""
    if not text.isprintable() or "${" in text or text != text.strip():
        raise ValueError("it is one line of text without a space at an end and without '${', a macro of llama-swap")
    return text
