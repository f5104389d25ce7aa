"""A command that a message names has what the running command was given."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plan.base.commands import by_make, in_namespace, with_variables


@pytest.mark.parametrize(
    ("text", "given", "typed"),
    [
        ("run `make up` again", "", "run `make up` again"),
        ("run `make up` again", "STACK=prod", "run `make up STACK=prod` again"),
        ("`make new-volume up`", "STACK=a STATE=embedded", "`make new-volume up STACK=a STATE=embedded`"),
        ("make up", "STACK=prod CLUSTER=current", "make up STACK=prod CLUSTER=current"),
        (
            'eval "$(make -s env)"; kubectl get pods',
            "INSTANCE=mine",
            'eval "$(make -s env INSTANCE=mine)"; kubectl get pods',
        ),
        ("KEY=$(make -s key)", "STACK=a INSTANCE=b", "KEY=$(make -s key STACK=a INSTANCE=b)"),
        ("`make up STATE=embedded`", "STACK=a CLUSTER=current", "`make up STATE=embedded STACK=a CLUSTER=current`"),
        ("LOCAL_LLM_PORT=2 make up", "STACK=a", "LOCAL_LLM_PORT=2 make up STACK=a"),
        # Of another stack or cluster: as it stands, and an instance is of one cluster.
        ("make verify STACK=dev", "STACK=prod INSTANCE=mine", "make verify STACK=dev"),
        ("`make preview STACK=a CLUSTER=engine`", "STACK=a CLUSTER=current", "`make preview STACK=a CLUSTER=engine`"),
        ("make up CLUSTER=embedded", "STACK=a CLUSTER=current", "make up CLUSTER=embedded"),
        ("make preview STACK=prod", "CLUSTER=engine INSTANCE=mine", "make preview STACK=prod INSTANCE=mine"),
        ("make down CLUSTER=engine", "STACK=prod INSTANCE=mine", "make down CLUSTER=engine INSTANCE=mine"),
        # No command about a stack, or none at all.
        ("run `make pods`", "STACK=a", "run `make pods`"),
        ("make the volume larger", "STACK=a", "make the volume larger"),
        ("make upgrades safe", "STACK=a", "make upgrades safe"),
    ],
)
def test_a_command_is_completed_where_it_is_about_the_same_thing(text: str, given: str, typed: str) -> None:
    assert with_variables(text, given) == typed


def test_where_make_runs_pulumi_a_person_runs_make() -> None:
    assert by_make("then `pulumi up --refresh` fetches", "STACK=a") == "then `make up STACK=a` fetches"
    assert by_make("repair, run `pulumi up` again", "") == "repair, run `make up` again"
    assert by_make("a pulumi update, `pulumi stack`", "STACK=a") == "a pulumi update, `pulumi stack`"


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("read it: kubectl logs deploy/a", "read it: kubectl logs -n llm deploy/a"),
        ("kubectl logs job/fetch-x -c server; or", "kubectl logs -n llm job/fetch-x -c server; or"),
        ("`kubectl logs -n other deploy/a`", "`kubectl logs -n other deploy/a`"),
        ("`kubectl get pods`", "`kubectl get pods`"),
    ],
)
def test_a_log_is_looked_for_in_the_stacks_namespace(text: str, typed: str) -> None:
    assert in_namespace(text, "llm") == typed


@given(st.text())
def test_nothing_given_changes_nothing(text: str) -> None:
    assert with_variables(text, "") == text


@given(st.sampled_from(["STACK=a", "CLUSTER=current INSTANCE=i", "STACK=a STATE=embedded"]), st.text("make up`$();"))
def test_a_second_time_changes_nothing_more(given: str, text: str) -> None:
    once = with_variables(f"{text} `make up` {text}", given)

    assert with_variables(once, given) == once
