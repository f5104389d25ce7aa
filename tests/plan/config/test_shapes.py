"""Where a list or a mapping is missing, the error shows what one looks like at that key, and that is accepted there."""

from typing import Any

import pytest

from plan import config
from plan.base.errors import ConfigError
from plan.text.errors import Source
from plan.text.yaml_reader import read_yaml
from tests.plan.config import every_key
from tests.plan.config.every_key import Path, at, changed
from tests.plan.config.test_every_key import name, written

SHAPES = {path: value for path, value in written().items() if isinstance(value, dict | list)}
IN_PLACE: tuple[Any, ...] = ("text", 7, True, 1.5)


def told(path: Path, value: Any) -> str:
    home = next((str(part) for part in path if part in ("local", "existing_claim")), "nfs")
    with pytest.raises(ConfigError) as caught:
        config.parse(changed(every_key.raw(home), path, value))
    return str(caught.value)


def shown(said: str) -> Any:
    line = next(line for line in said.splitlines() if ", like " in line)
    text = line.partition(", like ")[2].partition("}. ")[0].removesuffix(".")
    text += "}" * (text.count("{") - text.count("}"))
    return read_yaml(text, Source("the example", "mend it"))


@pytest.mark.parametrize("path", [path for path in SHAPES if path], ids=name)
def test_what_stands_in_place_of_a_list_or_a_mapping_is_refused_with_an_example(path: Path) -> None:
    wrong = [*IN_PLACE, [{}] if isinstance(SHAPES[path], dict) else {"a": "b"}]
    for value in wrong:
        said = told(path, value)
        kind = "Write a list, like [" if isinstance(SHAPES[path], list) else "Write a mapping: each key with its value"

        assert kind in said, said
        assert isinstance(shown(said), type(SHAPES[path]))
        assert len(said) < 600, said


@pytest.mark.parametrize("path", [path for path in SHAPES if path], ids=name)
def test_the_example_has_what_may_stand_there(path: Path) -> None:
    """Nothing in it is refused; what it leaves out for brevity, the other keys of a section, may be missing."""
    example = shown(told(path, 7))
    home = next((str(part) for part in path if part in ("local", "existing_claim")), "nfs")
    try:
        config.parse(changed(every_key.raw(home), path, example))
    except ConfigError as error:
        below = [it for it in (error, *error.more) if it.key.startswith(f"{config.KEY}.{name(path)}.")]
        assert [it.key for it in below if it.got is not None] == []


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("models/qwen3vl-8b/args", ["temp"], "like {no-context-shift: true, temp: 0.2"),
        ("models/qwen3vl-8b/args", "--temp 0.2", "like {no-context-shift: true, temp: 0.2"),
        ("models/qwen3vl-8b/aliases", "chat", "like [assistant, default]"),
        ("models/qwen3vl-8b/measured", {"mib": 1}, "like [{context: 8192, date:"),
        ("models/qwen3vl-8b/verify", "hello", "like {expect: "),
        ("fetch/ca_configmap", "authorities", "like {key: ca.crt, name: authorities}"),
        ("fetch/token_secret", "hub", "like {key: token, name: hub}"),
        ("fetch/no_proxy", "10.0.0.0/8,.svc", "like [10.0.0.0/8, .svc]"),
        ("gpu/tenants", ["frigate"], "like {frigate: {peak_mib: 3000}}"),
        ("gpu/node/tolerations", "nvidia.com/gpu", "like [{key: nvidia.com/gpu}]"),
        ("volume/nfs", "nas:/srv", "like {path: /srv/models, server: 192.168.1.20}"),
        ("models", ["qwen3-8b"], "like {qwen3-8b: {context: 8192"),
    ],
)
def test_an_error_of_shape_shows_one_of_the_key(path: str, value: Any, said: str) -> None:
    assert said in told(tuple(path.split("/")), value)


def test_every_list_and_mapping_of_the_schema_is_tried_here() -> None:
    assert len(SHAPES) > 30
    assert {type(at(every_key.raw(), path)) for path in SHAPES if "local" not in path} == {dict, list}
