"""Where the hub is, by HF_ENDPOINT: judged before the hub's library, whose import fails where that is no URL."""

import os

from ops.base.errors import OpsError
from plan.text.url import Url, parse_url

_HUB = "https://huggingface.co"


def hub_address() -> Url:
    """Raises OpsError, without the text, for a variable that holds no address: it may hold a password."""
    try:
        return parse_url(os.environ.get("HF_ENDPOINT") or _HUB)
    except ValueError as error:
        raise OpsError(f"HF_ENDPOINT is not usable: {error}", f"export HF_ENDPOINT={_HUB}") from None
