"""Files that a stack names and that lie where its stack file does: chat templates."""

from pathlib import Path

from plan import config
from plan.text.decode import text_of
from plan.text.errors import Source, TextError
from plan.text.limits import BYTES


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
        file = (directory / path).resolve(strict=True)
        if not file.is_relative_to(directory.resolve()):
            raise TextError(source, "it is a link that leads away from the stack file's directory")
        if not file.is_file() or file.stat().st_size > BYTES:
            raise TextError(source, f"it is no file, or has more than {BYTES >> 20} MiB")
        return text_of(file.read_bytes(), source)
    except FileNotFoundError:
        return None
    except (OSError, RuntimeError) as error:  # a RuntimeError for links in a circle, before Python 3.13
        raise TextError(source, getattr(error, "strerror", None) or "it cannot be read") from None
