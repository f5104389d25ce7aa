"""Faults to order from the local hub: which requests are hit, how often, and what happens to them."""

import re
import threading
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(slots=True)
class Rule:
    """The first rule that fits a request is applied to it.

    Fits: `origin`; `path` (a regex, the query with the signature number included) and `range` (a regex) are found in
    the request; the first `skip` such requests are spared, then `times` are hit (None: all).
    """

    origin: Literal["api", "cdn"]
    path: str = ""
    range: str = ""
    skip: int = 0
    times: int | None = None
    silent: bool = False  # not even a status line, until the rules are replaced
    status: int | None = None  # answer this, with `headers` and `says` as the body
    headers: dict[str, str] = field(default_factory=dict[str, str])
    says: str = ""
    token: str | None = None  # a gated repository: 401 without, 403 with another bearer token
    etag: str | None = None  # X-Linked-Etag says this
    total: int | None = None  # the bytes of the whole file that Content-Range claims
    ignore_range: bool = False  # 200 with the whole file
    no_content_range: bool = False  # 206 that does not say which part it is
    same_origin: bool = False  # redirect to a signed address of the hub's own
    head_pause_s: float = 0  # before each byte of the status line and the headers
    corrupt_at: int | None = None  # flip the byte at this offset of the file
    truncate_after: int | None = None  # close the connection after this many bytes of the body
    stall_after: int | None = None  # fall silent after this many bytes, until the rules are replaced
    rate_bytes_s: int | None = None  # per connection


class Faults:
    """The rules in force, changed and asked from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[Rule] = []
        self._released = threading.Event()

    def set(self, *rules: Rule) -> None:
        """Replace all rules and let stalled answers go on."""
        with self._lock:
            self._rules = list(rules)
            self._released.set()
            self._released = threading.Event()

    def load(self, rules: list[dict[str, Any]]) -> None:
        """Replace all rules by these, as JSON; raises TypeError for a key that does not exist."""
        self.set(*(Rule(**rule) for rule in rules))

    def pick(self, origin: str, path: str, byte_range: str) -> Rule | None:
        """The rule for this request, its counters moved on."""
        with self._lock:
            for rule in self._rules:
                if rule.origin != origin or not re.search(rule.path, path) or not re.search(rule.range, byte_range):
                    continue
                if rule.skip:
                    rule.skip -= 1
                elif rule.times is None or rule.times > 0:
                    rule.times = rule.times and rule.times - 1
                    return rule
        return None

    def stall(self, rule: Rule, limit_s: float | None = None) -> None:
        """Block until the rules are replaced, or so long; not at all where that happened since `rule` was picked."""
        with self._lock:
            if all(rule is not other for other in self._rules):
                return
            released = self._released
        released.wait(limit_s)
