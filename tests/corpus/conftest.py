from collections.abc import Iterator

import pytest

from tests.corpus import place


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[place.Place]:
    with place.opened(tmp_path_factory.mktemp("corpus")) as opened:
        yield opened
