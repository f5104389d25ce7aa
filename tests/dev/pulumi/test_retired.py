"""A state of an earlier version: what needs a plugin that is no more goes out of it, and nothing else changes."""

import copy

from dev.pulumi.retired import forget

KEY, PROVIDER, SECRET = "urn:key", "urn:provider", "urn:secret"
STATE = {
    "resources": [
        {"urn": PROVIDER, "type": "pulumi:providers:random"},
        {"urn": KEY, "type": "random:index/randomPassword:RandomPassword", "provider": f"{PROVIDER}::1"},
        {
            "urn": SECRET,
            "type": "kubernetes:core/v1:Secret",
            "dependencies": [KEY, "urn:other"],
            "propertyDependencies": {"stringData": [KEY], "metadata": None},
        },
    ]
}


def test_a_password_of_the_random_provider_goes_with_every_mention_of_it() -> None:
    state = copy.deepcopy(STATE)

    assert forget(state) == 2
    assert state["resources"] == [
        {
            "urn": SECRET,
            "type": "kubernetes:core/v1:Secret",
            "dependencies": ["urn:other"],
            "propertyDependencies": {"stringData": [], "metadata": []},
        }
    ]


def test_a_state_without_them_stays_as_it_is() -> None:
    for state in (
        {"resources": [{"urn": "urn:a", "type": "kubernetes:core/v1:Secret", "dependencies": []}]},
        {"resources": None},
        {},
    ):
        before = copy.deepcopy(state)
        assert forget(state) == 0
        assert state == before
