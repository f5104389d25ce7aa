"""What a chat template does, read from its text: no template is run."""

import re

from ops.gguf.header import Value

_BRACES = r"\{[%{]|[%}]\}"
_PROMPT = "add_generation_prompt"
# Openings of a thought, as templates write them behind the turn of the assistant.
_THOUGHT = re.compile(r"<think>|<thinking>|<\|think\|>|\[THINK\]|<seed:think>|<\|START_THINKING\|>")
# Variables by which templates let a request have no thought, or an empty one. llama-server 0.5.0 knows the first.
_SWITCHES = ("enable_thinking", "thinking", "thinking_budget")


def reads(template: Value | None, variable: str) -> bool:
    """Whether a Jinja template reads this variable: it stands between braces, not in the text around them."""
    if not isinstance(template, str):
        return False
    inside = False
    for token in re.finditer(rf"{_BRACES}|\b{variable}\b", template):
        if token[0] == variable:
            if inside:
                return True
        else:
            inside = token[0].startswith("{")
    return False


def always_thinks(template: Value | None) -> bool:
    """Whether an answer begins with a thought that nothing in a request turns off, as far as the text tells."""
    if not isinstance(template, str) or any(reads(template, switch) for switch in _SWITCHES):
        return False
    _, found, after = template.rpartition(_PROMPT)
    return bool(found and _THOUGHT.search(after))
