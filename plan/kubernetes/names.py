"""Names, labels and keys as Kubernetes has them (apimachinery v0.36, pkg/api/validate/content, dns.go and kube.go)."""

from typing import Annotated

from pydantic import AfterValidator, Field

from plan.base.text_rule import TextRule

LABEL_MAX = 63
_SUBDOMAIN_MAX = 253
_ANNOTATION_MAX = 8192  # all of an object's have 256 KiB together
_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")


def dns_label(name: str, limit: int = LABEL_MAX) -> str:
    """Return `name` if it is a DNS label of at most `limit` characters; raises ValueError with the rule broken."""
    if not 1 <= len(name) <= limit:
        raise ValueError(f"a name has 1 to {limit} characters, this one has {len(name)}")
    if odd := sorted(set(name) - _CHARACTERS):
        raise ValueError(f"a name uses a-z, 0-9 and '-' only; not {' '.join(map(repr, odd[:8]))}")
    if name[0] == "-" or name[-1] == "-":
        raise ValueError("a name begins and ends with a letter or digit")
    return name


def _prefix(key: str) -> None:
    if len(key.rpartition("/")[0]) > _SUBDOMAIN_MAX:
        raise ValueError(f"what stands before the slash of a label's key has {_SUBDOMAIN_MAX} characters at most")


def _no_parent(key: str) -> None:
    if key == "." or key.startswith(".."):
        raise ValueError("an entry's key is not '.' and does not begin with '..', because it may become a file's name")


def _foreign(key: str) -> str:
    if key.startswith("app.kubernetes.io/"):
        raise ValueError("labels of app.kubernetes.io/ are the stack's own: by them the Service finds the pod")
    return key


def _annotation(value: str) -> str:
    if any((ord(sign) < 32 and sign not in "\n\t") or "\ud800" <= sign <= "\udfff" for sign in value):
        raise ValueError("an annotation's value has no control characters but newlines and tabs")
    return value


_LABEL = "[a-z0-9]([a-z0-9-]*[a-z0-9])?"
_NAME = r"[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?"
DOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_ENDS = "begins and ends with a letter or digit and has letters, digits, '-', '_' and '.', 63 at most"

SUBDOMAIN = TextRule(
    DOMAIN,
    "a name uses a-z, 0-9, '-' and '.' only; it begins and ends with a letter or digit, as do its parts between dots",
    _SUBDOMAIN_MAX,
)
LABEL_KEY = TextRule(
    rf"({DOMAIN}/)?{_NAME}",
    f"a label's key is a name, or a domain in lower case, a slash and a name; a name {_ENDS}",
    _SUBDOMAIN_MAX + 1 + LABEL_MAX,
    _prefix,
)
LABEL_VALUE = TextRule(rf"({_NAME})?", f"a label's value is empty, or it {_ENDS}", LABEL_MAX)
VARIABLE = TextRule(
    r"[A-Za-z_]\w*", "a variable's name has letters, digits and '_', and no digit at its beginning", 128
)
ENTRY_KEY = TextRule(
    r"[\w.-]+", "the key of an entry has letters, digits, '-', '_' and '.' only", _SUBDOMAIN_MAX, _no_parent
)

Name = Annotated[str, AfterValidator(dns_label)]
Variable = Annotated[str, VARIABLE]  # of a container's environment
Subdomain = Annotated[str, SUBDOMAIN]
LabelKey = Annotated[str, LABEL_KEY]  # of an annotation too
ForeignLabelKey = Annotated[str, LABEL_KEY, AfterValidator(_foreign)]
LabelValue = Annotated[str, LABEL_VALUE]
AnnotationValue = Annotated[str, Field(max_length=_ANNOTATION_MAX), AfterValidator(_annotation)]
EntryKey = Annotated[str, ENTRY_KEY]  # of a Secret or a ConfigMap
