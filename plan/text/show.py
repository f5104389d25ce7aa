"""Shows text from outside: escaped, shortened before anything is formatted, and without what is known for a secret.

Escaped is every sign that a terminal acts on or that nobody sees: control characters, line ends, those that turn the
direction of writing, those without a width, and halves of surrogate pairs. They are written as Python does: \\x1b.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

VALUE, NAME, LINE = 80, 200, 4000  # characters of a value in a message, of a name in a table, of a message's line
_DIGITS, _LONGEST, _STEPS = 64, 1 << 14, 10
_SECRET_NAME = re.compile(r"api[-_]?key|token(?!s)|secret|passw(or)?d|credential", re.IGNORECASE)
# A password in a URL that was taken for a path and lost a slash; before a host without a scheme, which a digest is not;
# a secret in a query, or in an assignment of a shell; a token, by its beginning.
_SECRETS = (
    (re.compile(r"\b(\w+:/)(?!/)[^\s@'\"]+@"), r"\1***@"),
    (re.compile(r"(?<![\w./-])[^\s/@'\":]+:[^\s/@'\"]+@(?!sha256:)"), "***@"),
    (re.compile(rf"([?&][^=&\s]*(?:{_SECRET_NAME.pattern}|sig)[^=&\s]*=)[^&\s'\"]+", re.IGNORECASE), r"\1***"),
    (
        re.compile(
            r"\b([A-Z0-9_]{0,64}(?:API_?KEY|TOKEN(?!S)|SECRET|PASSW(?:OR)?D|CREDENTIAL)[A-Z0-9_]{0,64}=)[^\s'\"]+"
        ),
        r"\1***",
    ),
    (re.compile(r"\b(hf_|sk-|gh[opsu]_|github_pat_|glpat-)[\w-]{4,}", re.ASCII), r"\1***"),
)


def show(value: object, limit: int = VALUE) -> str:
    """A value in a message, as Python writes it and cut to `limit` characters; None is "nothing".

    However large, deep or cyclic it is, no more of it is looked at than is shown.
    """
    if value is None:
        return "nothing"
    text = ""
    for piece in _pieces(value, limit):
        text += piece
        if len(text) > limit:
            return f"{text[: limit - 3]}..."
    return text


def plain(text: str, limit: int = NAME) -> str:
    """A name or a sentence without quotes, for a table or within a message; it stays on one line."""
    return _printable(_without_secrets(text), limit)


def path(steps: Iterable[object]) -> str:
    """Where something stands in a text, key below key; of a deep path both ends."""
    parts = [str(step) for step in steps]
    whole, ends = ".".join(parts), f"{'.'.join(parts[:4])} ... {'.'.join(parts[-2:])}"
    return plain(whole if len(parts) <= _STEPS else ends, VALUE)


def words(text: str, limit: int = NAME) -> str:
    """Somebody's prose on one line: what lies between the words is one space."""
    return plain(" ".join(text[: 10 * limit].split()), limit)


def lines(text: str) -> str:
    """A whole message; its line ends stay, and everything else is harmless."""
    return "\n".join(
        _printable(" ".join(map(_without_secrets, _ends(line).split(" "))), LINE) for line in text.split("\n")
    )


def _ends(line: str) -> str:
    """Both ends of a line that is too long: the API server's reason stands behind the object that it refuses."""
    return line if len(line) <= LINE else f"{line[: LINE - 1005]} ... {line[-1000:]}"


def _printable(text: str, limit: int) -> str:
    cut = text if len(text) <= limit else f"{text[: limit - 3]}..."
    return cut if cut.isprintable() else "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in cut)


def _pieces(value: object, limit: int) -> Iterator[str]:
    if isinstance(value, str):
        yield repr(_without_secrets(value)[: limit + 1])
    elif isinstance(value, bool | float) or value is None:
        yield repr(value)
    elif isinstance(value, int):
        yield repr(value) if abs(value) < 10**_DIGITS else f"a number of {value.bit_length() * 3 // 10} digits"
    elif isinstance(value, Mapping):
        yield from _entries(cast("Mapping[Any, Any]", value), limit)
    elif isinstance(value, list | tuple):
        yield from _items(cast("list[Any] | tuple[Any, ...]", value), limit)
    else:
        yield f"a {type(value).__name__}"


def _entries(value: Mapping[Any, Any], limit: int) -> Iterator[str]:
    yield "{"
    for number, (key, one) in enumerate(value.items()):
        yield ", " * (number > 0)
        yield from _pieces(key, limit)
        yield ": "
        yield from _pieces("***" if is_secret(key, one) else one, limit)
    yield "}"


def _items(value: list[Any] | tuple[Any, ...], limit: int) -> Iterator[str]:
    yield "[" if isinstance(value, list) else "("
    for number, one in enumerate(value):
        yield ", " * (number > 0)
        yield from _pieces("***" if number and is_secret(value[number - 1], one) else one, limit)
    yield "]" if isinstance(value, list) else ",)" if len(value) == 1 else ")"


def _without_secrets(text: str) -> str:
    """The text with *** for passwords, signatures and tokens."""
    if (at := text.rfind("@")) >= 0 and 0 <= (host := text.find("//")) < at:  # also where a scheme was forgotten
        text = f"{text[: host + 2]}***{text[at:]}"
    text = text[:_LONGEST]
    for secret, instead in _SECRETS:
        text = secret.sub(instead, text)
    return text


def has_secret(text: str) -> bool:
    """Whether a part of the text looks like a password or a token."""
    return _without_secrets(text) != text


def is_secret(name: object, value: object) -> bool:
    """Whether what stands there may be a secret, by its name: a text at `token`, or after `--api-key`."""
    return isinstance(name, str) and isinstance(value, str) and bool(_SECRET_NAME.search(name[:NAME]))
