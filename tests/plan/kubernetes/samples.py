"""What Kubernetes takes and what it does not, by rule: for the tests here, and for tests/engine, which asks it.

`refused` has what the API server refuses too; `ours` what it would take, and we refuse for the reason that the rule's
module gives.
"""

from collections.abc import Callable
from dataclasses import dataclass

from plan.kubernetes.cron import schedule
from plan.kubernetes.images import pinned_image
from plan.kubernetes.names import ENTRY_KEY, LABEL_KEY, LABEL_VALUE, SUBDOMAIN, dns_label
from plan.kubernetes.resources import EXTENDED_RESOURCE
from plan.kubernetes.volumes import ABSOLUTE_PATH, host

SHA = f"sha256:{'0123456789abcdef' * 4}"


@dataclass(frozen=True, slots=True)
class Samples:
    rule: Callable[[str], str]
    taken: tuple[str, ...]
    refused: tuple[str, ...]
    ours: tuple[str, ...] = ()


LONG_DOMAIN = ".".join(["a" * 62] * 4)  # 251 characters
RULES = {
    "label": Samples(
        dns_label,
        ("a", "0", "a-b", "a--b", "a" * 63, "0123", "x1"),
        ("", "A", "a_b", "a.b", "-a", "a-", "a" * 64, "a b", "a\n", "\u0430", "a/b", "ä", "a$b"),
    ),
    "subdomain": Samples(
        SUBDOMAIN,
        ("a", "a.b", "a-b.c", "0.0", LONG_DOMAIN, "b" * 253),
        ("", ".", "a.", ".a", "a..b", "A.b", "a_b.c", "-a.b", "a-.b", "a.-b", "b" * 254, "a b", "a.b\n", "a/b"),
    ),
    "label key": Samples(
        LABEL_KEY,
        ("a", "A", "a_b.c-d", "nvidia.com/gpu", "a/b", f"{LONG_DOMAIN}/{'N' * 63}", "b" * 63, "a.b/C_d.e"),
        (
            "", "/", "a/", "/a", "a/b/c", "a b/c", "A.b/c", "a_b/c", "-a", "a-", "_a", "b" * 64, f"{'b' * 254}/a",
            "a$", "ä",
        ),
    ),
    "label value": Samples(
        LABEL_VALUE,
        ("", "true", "A", "0", "a_b.c-d", "v" * 63),
        (" ", "-", "a-", ".a", "a b", "v" * 64, "a/b", "a,b", "yes\n", "$(X)", "ä", "a:b"),
    ),
    "entry key": Samples(
        ENTRY_KEY,
        ("token", "HF_TOKEN", "a.b", ".dockerconfigjson", "-", "k" * 253),
        ("", ".", "..", "..a", "a/b", "a b", "k" * 254, "a$", "ä", "a\n"),
    ),
    "extended resource": Samples(
        EXTENDED_RESOURCE,
        ("nvidia.com/gpu", "nvidia.com/gpu.shared", "a/b", "example.com/A_b.c-d", f"{'d' * 244}/{'N' * 63}"),
        (
            "", "gpu", "pods", "a b/c", "A.com/gpu", "example.com/", "/gpu", "a/b/c", "example.com/-x",
            "requests.example.com/gpu", f"{'d' * 245}/n", f"example.com/{'n' * 64}", "nvidia.com/gpu ", "ä.com/x",
        ),
        # Requested of every pod, or the resources of something else than a card.
        ("memory", "cpu", "ephemeral-storage", "hugepages-2Mi", "kubernetes.io/gpu", "x.kubernetes.io/gpu"),
    ),
    "schedule": Samples(
        schedule,
        (
            "* * * * *", "17 4 * * *", "*/5 0-23/2 1,15 jan-MAR sun", "0 0 29 2 *", "? ? ? ? ?", "59 23 31 12 6",
            "5/15 * * * *", "0  4\t* * mon-fri", "1,2,3-5/2 * * * *", "007 4 * * *",
            # Days that few months have; a weekday beside one comes by itself, and so does what has a step.
            "0 0 29 feb *", "0 0 30 2,4 *", "0 0 31 1-12 *", "0 0 29-31 2 ?", "0 0 */31 2 *", "0 0 31 2 mon",
            "0 0 31 2 0-6", "0 0 30 2 */2", "0 0 * 2 *", "0 0 ? 2 *", "0 0 *,31 2 *", "0 0 31/1 2 1/1", "0 0 28/2 2 *",
        ),
        (
            "", "daily", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *", "* * * 0 *",
            "* * * 13 *", "* * * * 7", "5-1 * * * *", "*/0 * * * *", "* * * foo *", "mon * * * *", "1-2-3 * * * *",
            "1/2/3 * * * *", "-1 * * * *", "1.5 * * * *", "* * * * sunday", "@never", "TZ=UTC 17 4 * * *",
            "CRON_TZ=Europe/Berlin 17 4 * * *", "99999999999999999999 * * * *",
        ),
        (
            # They never come, and the API server does not say so.
            "0 0 31 2 *", "0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 30-31 feb ?", "0 0 31 2-2,4 *", "0 0 31 sep */1",
            "0 0 31 2 mon,*", "0 0 30/1 2 *", "0 0 31 2/7 *", "0 0 030,31 02 ?/01",
            "@daily", "@every 1h", ", * * * *", "1,,2 * * * *", "*-5 * * * *", "+5 * * * *", "0 0 * * *\n",
        ),
    ),
    "path": Samples(
        ABSOLUTE_PATH,
        ("/", "/srv/models", "/srv/..models", "/a/b..c/d", "/ä", f"/{'p' * 1023}"),
        ("", "/srv/../etc", "/..", "/a/.."),
        ("srv/models", "./srv", "/srv models", "/srv\n", "/srv\x00", "C:\\models", f"/{'p' * 1024}"),
    ),
}  # fmt: skip
# What only a node finds out, when the pod is there already.
ON_A_NODE = {
    "image": Samples(
        pinned_image,
        (
            f"python@{SHA}", f"docker.io/library/python:3.13@{SHA}", f"ghcr.io/a/b_c-d.e__f:v1_X.y-z@{SHA}",
            f"localhost:5000/x@{SHA}", f"[fd00::1]:5000/x@{SHA}", f"HOST.example/x@{SHA}",
            f"{'a' * 237}@{SHA}", f"docker.io/{'a' * 237}@{SHA}", f"h.example/{'a' * 245}@{SHA}",
            f"x:{'t' * 128}@{SHA}", f"reg:1/x@{SHA}", f"reg:65535/x:1@{SHA}", f"10.0.0.1:05000/x@{SHA}",
            f"[::1]/x:65536@{SHA}", f"x:99999@{SHA}", f"a{'a' * 99}/x@{SHA}", f"REG/x@{SHA}",
        ),
        (
            "", "python", "python:latest", f"@{SHA}", f"ghcr.io/Upper/X@{SHA}", f"https://ghcr.io/a/b@{SHA}",
            f"a//b@{SHA}", f"a b@{SHA}", f"a/b:@{SHA}", f"a:{'t' * 129}@{SHA}", f"{'a' * 256}@{SHA}", f"a@{SHA}0",
            f"a@{SHA[:-1]}", f"a@{SHA.upper()}", "a@sha512:" + "0" * 128, f"a@{SHA}\n", f"a/-b@{SHA}", f"a/b.@{SHA}",
            f"ex.com:port/a@{SHA}", f"a__ _b@{SHA}", f"$(X)@{SHA}", f"../a@{SHA}", f"\u0430@{SHA}",
            f"reg:99999/x@{SHA}", f"reg:65536/x@{SHA}", f"reg:0/x@{SHA}", f"reg:00000/x@{SHA}", f"reg:000080/x@{SHA}",
            f"localhost:70000/x:1@{SHA}", f"[fd00::1]:65536/x@{SHA}", f"reg:/x@{SHA}", f"reg:-1/x@{SHA}",
            f"[::::]/x@{SHA}", f"[fd00::g]:1/x@{SHA}", f"[1.2.3.4]:1/x@{SHA}", f"999.1.1.1:1/x@{SHA}",
            f"10.0.0.256/x@{SHA}", f"{'h' * 64}.example/x@{SHA}", f"{'a' * 238}@{SHA}", f"library/{'a' * 238}@{SHA}",
            f"docker.io/{'a' * 238}@{SHA}",
        ),
    ),
    "host": Samples(
        host,
        ("192.168.1.127", "nas", "nas.example", "nas.example.", "my_nas", "NAS-1", "fd00::20", "::1", "1a.2b"),
        (
            "", "nas\nx", "nas x", "http://nas", "nas:/srv", "nas/srv", "999.1.1.1", "1.2.3", "[::1]", "fe80::1%eth0",
            "a..b", ".nas", "-nas", "nas-", "user@nas", "$(X)", "n" * 64, f"{LONG_DOMAIN}.abcd", "ä.example", "nas,ro",
            "fd00::20::1", "12345",
        ),
    ),
}  # fmt: skip
