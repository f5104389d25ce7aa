"""Files that a stack names and that lie where its stack file does: chat templates."""

from pathlib import Path

from plan import config
from plan.text.decode import decode
from plan.text.errors import Source, TextError


def templates(stack: config.Stack, directory: Path) -> dict[str, str]:
    """The text of each chat template by its path below `directory`; one that is not there is left out.

    Raises TextError for a file that cannot be read, or is no text.
    """
    named = sorted({model.chat_template_file for model in stack.models.values() if model.chat_template_file})
    found = {path: _text(directory, path) for path in named}
    return {path: text for path, text in found.items() if text is not None}


def _text(directory: Path, path: str) -> str | None:
    source = Source(path, "name another file, or repair this one")
    try:
        return decode((directory / path).read_bytes(), source).text
    except FileNotFoundError:
        return None
    except OSError as error:
        raise TextError(source, error.strerror or "it cannot be read") from None
