"""immich's live TTL: a foreign edit is named and mended once, and what cannot be set is refused in words."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plan.card.immich_ttl import TtlPatch
from tests.plan.cluster import deployment, ttl, whole
from tests.plan.live.looks import look, refusal

WHERE = "immich/immich-machine-learning"
BY_HAND = ("kubectl-set", "2026-11-29T14:02:03Z")
OURS = ("local-llm-immich-ttl", "2026-11-28T09:00:00Z")
IGNORED = ("spec", 'metadata.annotations["local-llm/model-ttl-mends"]')


def live(*containers: str, generation: int = 2) -> tuple[TtlPatch, tuple[str, ...]]:
    found = look(whole(immich=deployment(WHERE, *containers, generation=generation)))
    assert found.immich
    return found.immich, found.notes


def mends(patch: TtlPatch) -> str | None:
    return patch.annotations.get("local-llm/model-ttl-mends")


def test_the_right_value_changes_nothing_and_keeps_what_an_earlier_patch_has_mended() -> None:
    patch, notes = live(ttl("600", OURS))

    assert notes == ()
    assert mends(patch) is None
    assert patch.ignored == IGNORED, "the annotation in the state would go, and that would be a difference"


def test_a_value_that_someone_else_has_set_is_named_and_mended() -> None:
    patch, notes = live(ttl("0", BY_HAND))

    assert notes == (
        "immich TTL is 0 since 2026-11-29 14:02 UTC by kubectl-set, will be 600: MACHINE_LEARNING_MODEL_TTL of "
        "immich/immich-machine-learning.",
    )
    assert mends(patch) == "0 since 2026-11-29 14:02 UTC by kubectl-set, in generation 2"
    assert patch.ignored == ("spec",), "the annotation is the difference that is seen"
    assert patch.ttl_s == "600"


@pytest.mark.parametrize(
    ("container", "found"),
    [
        (ttl("0"), "is 0, will be 600"),
        (ttl("", BY_HAND), "is empty since"),
        (ttl("900", OURS), "is 900 since 2026-11-28 09:00 UTC by local-llm-immich-ttl, will be 600"),
        (ttl("0600", BY_HAND), "is 0600 since"),
        (ttl(" 600", BY_HAND), "will be 600"),
        (";immich-machine-learning", "is not set, will be 600"),
        (ttl("0", ("helm", "2026-11-29T14:05:00Z"), BY_HAND), "by helm, will"),
        (ttl("0", BY_HAND, ("helm", "2026-11-29T14:01:00Z")), "by kubectl-set, will"),
        (ttl("600") + " value=0 by=x@2026-11-29T14:02:03Z", "is 0 since"),
    ],
)
def test_every_other_value_is_a_note_with_the_last_who_wrote_it(container: str, found: str) -> None:
    patch, (note,) = live(container)

    assert found in note
    assert mends(patch)


def test_a_manager_that_owns_the_right_value_besides_us_is_left_alone() -> None:
    assert live(ttl("600", OURS, ("helm", "2026-11-29T14:05:00Z")))[1] == ()


def test_of_two_entries_the_last_counts_as_in_a_container() -> None:
    assert live(ttl("0") + " value=600")[1] == ()


def test_another_containers_entry_is_another_containers() -> None:
    patch, notes = live(ttl("0", BY_HAND, container="sidecar"), ttl("600", OURS))

    assert (mends(patch), notes) == (None, ())


def test_the_same_edit_again_is_another_edit() -> None:
    first, second = (live(ttl("0", BY_HAND), generation=n)[0] for n in (4, 6))

    assert mends(first) != mends(second), "equal annotations are no difference, and the second edit would stay"


@given(st.text(max_size=300), st.text(min_size=1, max_size=128))
def test_whatever_the_value_is_the_annotation_and_the_note_stay_short_and_printable(value: str, manager: str) -> None:
    value, manager = (text.encode(errors="replace").decode() for text in (value, manager))
    patch, notes = live(ttl(value, (manager, BY_HAND[1])))

    if value == "600":
        assert notes == ()
    else:
        (note,) = notes
        assert note.isprintable()
        assert len(note) < 1100
        assert len(mends(patch) or "") < 1000


def test_a_value_from_another_object_is_refused_with_the_command_that_makes_it_a_value() -> None:
    text = refusal(whole(immich=deployment(WHERE, ttl(None, BY_HAND))))

    assert text.startswith("local-llm:stack.immich.model_ttl_s: got 600. MACHINE_LEARNING_MODEL_TTL of ")
    assert (
        "Next: `kubectl set env -n immich deployment/immich-machine-learning -c immich-machine-learning "
        "MACHINE_LEARNING_MODEL_TTL=600`." in text
    )


@pytest.mark.parametrize(
    ("immich", "said"),
    [
        (deployment("immich/ml", ";ml"), "deployment: got 'immich-machine-learning'.*immich; there are ml. Correct"),
        (deployment("other/x", ";x"), "no such Deployment in the namespace immich; there is none. Correct"),
        (deployment("other/immich-machine-learning"), "no such Deployment in the namespace immich; there is none"),
        (deployment(WHERE, ";ml", ";sidecar"), "immich.container: got .*no such container; there are ml, sidecar. W"),
    ],
)
def test_what_is_not_there_is_refused_with_what_is(immich: str, said: str) -> None:
    assert re.search(said, refusal(whole(immich=immich)))


def test_a_container_of_another_name_is_found_by_the_key() -> None:
    answer = whole(immich=deployment(WHERE, ttl("0", BY_HAND, container="ml")))
    immich = {"namespace": "immich", "deployment": "immich-machine-learning", "container": "ml", "model_ttl_s": 300}

    (note,) = look(answer, immich=immich).notes

    assert "will be 300" in note


def test_without_immich_nothing_is_asked_of_its_deployment() -> None:
    found = look(whole(immich=deployment("other/x", ";x")), immich=None)

    assert (found.immich, found.notes) == (None, ())


def test_where_deployments_may_not_be_listed_nothing_changes_and_one_line_says_so() -> None:
    forbidden = 'Error from server (Forbidden): deployments.apps is forbidden: User "ci" cannot list resource'
    found = look(whole(immich=deployment("gone/x", ";x")), {"deployments": forbidden})

    (note,) = found.notes
    assert note.startswith(
        "Not checked in the cluster: a server that was deleted, immich's TTL: Error from server (Forbidden): "
    )
    assert note.endswith(
        "The right to list deployments of the whole cluster is needed; try `kubectl get deployments -A`."
    )
    assert found.immich
    assert mends(found.immich) is None
    assert found.immich.ignored == IGNORED


SET = {"namespace": "immich", "deployment": "immich-ml", "kind": "StatefulSet", "model_ttl_s": 600}
ML = "immich/immich-ml"


def stateful(*containers: str, workload: str = ML, kind: str = "StatefulSet") -> str:
    return whole(immich=deployment(workload, *containers, kind=kind))


def test_c14_a_stateful_set_is_read_and_mended_as_a_deployment_is() -> None:
    found = look(stateful(ttl("0", BY_HAND, container="immich-ml")), immich=SET)

    assert found.immich
    assert (found.immich.kind, mends(found.immich)) == (
        "StatefulSet",
        "0 since 2026-11-29 14:02 UTC by kubectl-set, in generation 2",
    )
    assert look(stateful(ttl("600", OURS, container="immich-ml")), immich=SET).notes == ()


@pytest.mark.parametrize(
    ("answer", "changes", "said"),
    [
        (
            stateful(),
            {**SET, "kind": "Deployment"},
            "immich.kind: got 'Deployment'. It is a StatefulSet: write `kind: S",
        ),
        (stateful(kind="Deployment"), SET, "immich.kind: got 'StatefulSet'. It is a Deployment: write `kind: Deploy"),
        (stateful(workload="immich/other"), SET, "no such StatefulSet in the namespace immich; there are other. Corr"),
        (stateful(workload="x/immich-ml"), SET, "no such StatefulSet in the namespace immich; there is none"),
        (stateful(";sidecar"), SET, "The StatefulSet immich/immich-ml has no such container; there are sidecar"),
        (
            stateful(ttl(None, BY_HAND, container="immich-ml")),
            SET,
            "kubectl set env -n immich statefulset/immich-ml -c immich-ml MACHINE_LEARNING_MODEL_TTL=600",
        ),
    ],
)
def test_c14_what_is_wrong_with_a_stateful_set_is_told_by_its_kind(
    answer: str, changes: dict[str, object], said: str
) -> None:
    assert said in refusal(answer, immich=changes)
