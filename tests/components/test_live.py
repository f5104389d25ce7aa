"""How the cluster is asked: a stand-in for kubectl on PATH, as a real process."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest

from observe import kubectl as live
from ops.render.recorder import Recorder
from plan.base.errors import ConfigError
from plan.live.expected import Expected
from plan.live.question import KINDS
from tests import recorded, stacks
from tests.plan.cluster import GPUMEM, SLICE, answer, node, pod, whole
from tests.plans import made

FORBIDDEN = 'Error from server (Forbidden): {} is forbidden: User "ci" cannot list resource "{}" at the cluster scope'
Kubectl = Callable[..., Path]


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kubectl:
    """Puts a kubectl on PATH that prints `out` and `err` and ends with `code`; returns where it notes its arguments."""

    def install(out: str | bytes = "", err: str | bytes = "", code: int = 0, then: str = "") -> Path:
        programs, trace = tmp_path / "bin", tmp_path / "trace"
        programs.mkdir()
        for name, content in (("out", out), ("err", err)):
            (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
        script = [
            "#!/bin/sh",
            f'printf "%s\\n" "$@" >{trace}',
            f"cd {tmp_path}; cat out; cat err >&2",
            then,
            f"exit {code}",
        ]
        (programs / "kubectl").write_text("\n".join(script))
        (programs / "kubectl").chmod(0o755)
        monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
        monkeypatch.setenv("PULUMI_CONFIG", "{}")
        return trace

    return install


def raw(**memory: Any) -> dict[str, Any]:
    value = stacks.raw("t4")
    value["gpu"]["tenants"]["immich-ml"]["request_mib"] = 1800
    if memory:
        value["gpu"]["memory"] = {"resource": GPUMEM, "budget_mib": 14000, **memory}
    return value


def expected(**memory: Any) -> Expected:
    return made(raw(**memory)).expected


def test_one_kubectl_reads_nodes_pods_and_the_clusters_id_with_the_ambient_kubeconfig(kubectl: Kubectl) -> None:
    trace = kubectl(whole(node(), pod("media/stremio")))

    (note,) = live.judged(live.start(), expected()).notes

    assert "media/stremio" in note
    verb, kinds, *flags = trace.read_text().splitlines()
    assert (verb, kinds) == ("get", ",".join(KINDS))
    assert "--all-namespaces" in flags
    assert not [flag for flag in flags if "kubeconfig" in flag or "context" in flag], "the provider has no other either"


def test_an_answer_larger_than_a_pipe_is_read_whole(kubectl: Kubectl) -> None:
    kubectl(whole(node(slices="4000"), *(pod(f"media/encoder-{n:04}") for n in range(3000))))

    (note,) = live.judged(live.start(), expected()).notes

    assert "media/encoder-0000" in note
    assert "media/encoder-2999" in note


@pytest.mark.parametrize(
    ("err", "reason"),
    [
        (
            "E1122 memcache.go:265] couldn't get current server API group list\n"
            "The connection to the server 127.0.0.1:1 was refused - did you specify the right host or port?\n",
            "The connection to the server 127.0.0.1:1 was refused",
        ),
        ("", "kubectl ended with exit code 1"),
    ],
)
def test_what_kubectl_says_of_a_failure_is_passed_on_in_one_line(kubectl: Kubectl, err: str, reason: str) -> None:
    kubectl(answer(node()), err, code=1)

    with pytest.raises(live.NoAnswerError, match=reason) as caught:
        live.Query().answer()
    assert "\n" not in str(caught.value)
    assert "memcache" not in str(caught.value)


@pytest.mark.parametrize(
    ("err", "said"),
    [
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"Connexion refus\xe9e", "Connexion refus\ufffde"),
        (b"a\x1b[31mred\x1b[0m", r"a\x1b[31mred\x1b[0m"),
        ("\u202ea\u200b".encode(), r"\u202ea\u200b"),
        (b"x" * 10**6, "xxx..."),
        (b"\0", r"\x00"),
    ],
    ids=lambda it: repr(it)[:30],
)
def test_a4_what_kubectl_says_in_another_encoding_is_passed_on_escaped(kubectl: Kubectl, err: bytes, said: str) -> None:
    kubectl("", err, code=1)

    (note,) = live.judged(live.Query(), expected()).notes

    assert said in note
    assert note.isprintable()


@pytest.mark.parametrize(
    ("out", "said"),
    [
        (b"\xff", "line 1: byte 0xff of it is not UTF-8"),
        (b"Namespace\tx\nNode\t\xe9", "line 2: byte 0xe9 of it is not UTF-8"),
        (b"\x1b[31mhello", r"an unexpected line: '\x1b[31mhello'"),
        (b"", "did not print the namespace kube-system"),
        (b"<html>\n", "an unexpected line: '<html>'"),
        (b"x" * (17 << 20), "more than 16 MiB"),
        (answer(node()).replace("=", "", 1).encode(), "a label or a quantity without a value"),
    ],
    ids=lambda it: repr(it)[:30],
)
def test_a7_an_odd_answer_of_kubectl_is_a_sentence(kubectl: Kubectl, out: bytes, said: str) -> None:
    kubectl(out)

    (note,) = live.judged(live.Query(), expected()).notes

    assert said in note


@pytest.mark.parametrize("quantity", ["²³", "7" * 400, "7" * 5000, "-5", "1e400", "\x1b[1m", "0x1f", "NaN", "1.5"])
def test_a7_a_quantity_that_is_none_is_a_sentence(kubectl: Kubectl, quantity: str) -> None:
    kubectl(whole(node(), pod("media/stremio", [("main", {SLICE: quantity})])))

    (note,) = live.judged(live.Query(), expected()).notes

    said = ("is not a quantity of 0 or more", "is not a whole number", "printed an unexpected line")
    assert any(it in note for it in said)
    assert note.isprintable()


def test_without_kubectl_there_is_a_note_and_with_gpu_memory_a_refusal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    (note,) = live.judged(live.Query(), expected()).notes
    assert "kubectl is not on PATH" in note
    with pytest.raises(ConfigError, match=r"kubectl is not on PATH\. The right to list .* try `kubectl get"):
        live.judged(live.Query(), expected(request_mib=7100))


def test_a_cluster_that_does_not_answer_is_not_waited_for_for_ever(
    kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    kubectl(then="exec sleep 600")
    monkeypatch.setattr(live, "_ANSWER_S", 0.2)

    with pytest.raises(live.NoAnswerError, match=r"no answer after 0\.2 s"):
        live.Query().answer()


def test_a_command_that_looks_is_told_when_kubectl_leads_elsewhere(kubectl: Kubectl) -> None:
    other = "99999999-2222-4333-8444-555555555555"
    kubectl(answer(node(), uid=other))

    with pytest.raises(live.NoAnswerError, match=f"belongs to the cluster {stacks.CLUSTER_ID}, kubectl asks {other}"):
        live.look(expected().tenancy.cluster_id)


def test_the_program_stops_before_anything_is_registered(recorder: Recorder, kubectl: Kubectl) -> None:
    kubectl(whole(node(), pod("media/stremio", [("main", {GPUMEM: "8600", SLICE: "1"})])))

    with pytest.raises(
        pulumi.RunError, match=r"media/stremio \(stremio-7d4c9-x2x4z\) +8600\n(.*\n)+ +too much by +1700"
    ):
        recorded.run(raw(request_mib=7100))

    assert [r.type for r in recorder.registered if r.type != "pulumi:pulumi:Stack"] == [], (
        "a Recreate that ends in Pending is an outage"
    )


def test_who_runs_the_program_without_pulumi_asks_no_cluster(
    recorder: Recorder, kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = kubectl("nonsense")
    monkeypatch.delenv("PULUMI_CONFIG")

    recorded.run(raw(request_mib=7100))

    assert recorder.of("Deployment")
    assert not trace.exists()
