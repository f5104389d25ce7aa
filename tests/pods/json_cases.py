"""JSON as it may come from outside, and what each of the two readers makes of it: plan/text and pods/core."""

from typing import Any

DEEPEST = "[" * 63 + "]" * 63

# Of an object each; the value that it has.
READ: dict[str, tuple[bytes, Any]] = {
    "plain": (b'{"a": 1, "b": [true, null, 2.5, "c"]}', {"a": 1, "b": [True, None, 2.5, "c"]}),
    "spaces around it": (b' \r\n\t{"a": 1}\n\n', {"a": 1}),
    "a BOM": (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
    "UTF-16, little-endian": ('\ufeff{"a": "é"}'.encode("utf-16-le"), {"a": "é"}),
    "UTF-16, big-endian": ('\ufeff{"a": "é"}'.encode("utf-16-be"), {"a": "é"}),
    "CRLF": (b'{"a": 1,\r\n"b": 2}\r\n', {"a": 1, "b": 2}),
    "one key in two objects": (b'{"a": {"a": 1}, "b": {"a": 2}}', {"a": {"a": 1}, "b": {"a": 2}}),
    "keys of another case": (b'{"a": 1, "A": 2}', {"a": 1, "A": 2}),
    "as deep as may be": (f'{{"a": {DEEPEST}}}'.encode(), None),
    "many brackets, none deep": (b'{"a": [' + b"[], " * 500 + b"[]]}", {"a": [[]] * 501}),
    "brackets in a text": (b'{"a": "' + b"[{" * 500 + b'"}', {"a": "[{" * 500}),
    "brackets after an escaped quote": (b'{"a": "\\"' + b"[{" * 500 + b'"}', {"a": '"' + "[{" * 500}),
    "digits in a text": (b'{"a": "' + b"7" * 5000 + b'"}', {"a": "7" * 5000}),
    "64 digits": (b'{"a": ' + b"7" * 64 + b"}", {"a": int("7" * 64)}),
    "minus zero": (b'{"a": -0}', {"a": 0}),
    "an escape sequence in a text": (b'{"a": "\\u001b[31m"}', {"a": "\x1b[31m"}),
    "half of a surrogate pair": (b'{"a": "\\ud800"}', {"a": "\ud800"}),
    "empty": (b"{}", {}),
}

# What the refusal says of it.
REFUSED: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "line 1 is not JSON"),
    "a page of a portal": (b"<!doctype html>\n<title>Sign in</title>", "line 1 is not JSON"),
    "YAML": (b"a: 1\n", "line 1 is not JSON"),
    "cut": (b'{"a": [1,\n 2', "line 2 is not JSON"),
    "something after it": (b'{"a": 1}\n{"a": 1}', "line 2 is not JSON"),
    "a comma too many": (b'{"a": 1,}', "line 1 is not JSON"),
    "a line break in a text": (b'{"a": "b\nc"}', "line 1 is not JSON"),
    "NUL": (b'{"a": 1}\0', "line 1 is not JSON"),
    "null": (b"null", "it is a single value, not an object"),
    "a number": (b"5", "it is a single value, not an object"),
    "a text": (b'"a"', "it is a single value, not an object"),
    "a list": (b'[{"a": 1}]', "it is a list, not an object"),
    "a key twice": (b'{"a": 1, "b": 2, "a": 3}', "the key 'a' is there twice, in line 1 and in line 1"),
    "a key twice, lines apart": (b'{"a": 1,\n"b": {"c": 1},\n"a": 3}', "twice, in line 1 and in line 3"),
    "a key twice, deeper": (b'{"a":\n{"b": 1,\n\n"b": 2}}', "the key 'b' is there twice, in line 2 and in line 4"),
    "a key twice, spelt differently": (b'{"a": 1, "\\u0061": 2}', "the key 'a' is there twice"),
    "a key twice, with an escape sequence": (b'{"\\u001b[1m": 1, "\\u001b[1m": 2}', r"the key '\x1b[1m' is there"),
    "a long key twice": (b'{"' + b"k" * 9999 + b'": 1, "' + b"k" * 9999 + b'": 2}', "kkk"),
    "one level too deep": (f'{{"a": [{DEEPEST}]}}'.encode(), "nested more than 64 levels deep"),
    "20000 lists": (b'{"a": ' + b"[" * 20000, "nested more than 64 levels deep"),
    "100000 objects": (b'{"a":' * 100000, "nested more than 64 levels deep"),
    "lists after a text with brackets": (b'{"a": "]]]]", "b": ' + b"[" * 70 + b"]" * 70 + b"}", "nested more than 64"),
    "65 digits": (b'{"a": ' + b"7" * 65 + b"}", "more than 64 digits"),
    "5000 digits": (b'{"a": -' + b"7" * 5000 + b"}", "more than 64 digits"),
    "5000 digits after the point": (b'{"a": 1.' + b"7" * 5000 + b"}", "more than 64 digits"),
    "NaN": (b'{"a": NaN}', "NaN is not a number"),
    "infinity": (b'{"a": -Infinity}', "-Infinity is not a number"),
    "a number beyond floats": (b'{"a": 1e999}', "1e999 is larger than any number"),
    "Latin-1": (b'{"a": 1,\n"b": "\xe9"}', "line 2 is not UTF-8"),
    "a lone continuation byte": (b"\x80{}", "line 1 is not UTF-8"),
    "UTF-16 without a BOM": ('{"a": 1}'.encode("utf-16-le"), "not JSON"),
    "half of a UTF-16 sign": (b"\xff\xfe{\x00}", "is not UTF-16"),
    "17 MiB": (b" " * (17 << 20), "more than 16 MiB"),
}  # fmt: skip
