"""The stacks of the corpus that plan/ accepts although one thing in each is odd: a real API server accepts them too."""

import pytest

from tests import recorded
from tests.corpus.entries.stacks import accepted
from tests.corpus.place import MORE
from tests.engine.accepted.dry_run import ApiServer

pytestmark = pytest.mark.usefixtures("recorder")
NAMESPACE = "generated"  # of those that the server has


def test_whatever_of_the_corpus_plan_accepts_the_api_server_accepts(server: ApiServer) -> None:
    refused: dict[str, str] = {}
    tried = 0
    for raw in accepted(300 * MORE):
        rendered = recorded.render({**raw, "namespace": NAMESPACE, "immich": None})  # theirs is not there to be patched
        refused |= {
            f"{tried} {path}": said
            for path, text in rendered.items()
            if path.endswith(".yaml") and (said := server.refusal_of_apply(text))
        }
        tried += 1

    assert tried > 10
    assert refused == {}
