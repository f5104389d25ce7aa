"""What a token needs to become a header: http.client quotes one that it refuses, token and all, in its exception."""

import re


def flaw(token: str) -> str:
    """What is wrong with it, without a word of it, as "a line break at its end"; "" where it is visible ASCII alone."""
    if not (odd := re.search(r"[^!-~]", token)):
        return ""
    sign, here = odd[0], odd.start()
    kinds = {" ": "a space", "\t": "a tab", "\n": "a line break", "\r": "a line break"}
    kind = kinds.get(sign) or ("a control character" if sign < " " or sign == "\x7f" else "a character beyond ASCII")
    end = "at its end" if not re.search(r"[!-~]", token[here:]) else "in its middle"
    return f"{kind} {end if here else 'at its beginning'}"
