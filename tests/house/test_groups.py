"""Which tests pytest-xdist gives to one worker, tried with tests that only note who ran them."""

import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from dev.pulumi.stackfile import ROOT
from tests import groups

CONFTEST = """
import os, pathlib
from tests.groups import Groups
def pytest_xdist_make_scheduler(config, log):
    return Groups(config, log)
def pytest_runtest_call(item):
    with pathlib.Path(os.environ["NOTED"]).open("a") as noted:
        noted.write(f"{item.nodeid} {os.environ['PYTEST_XDIST_WORKER']}\\n")
"""
TESTS = "import pytest\n@pytest.mark.parametrize('n', range(20))\ndef test_it(n): pass\n"
FILES = ("cluster/test_a.py", "cluster/test_b.py", "plan/test_c.py", "plan/test_d.py")


def test_a_file_is_one_workers_and_so_are_all_that_use_the_real_node(tmp_path: Path) -> None:
    for name in FILES:
        file = tmp_path / "tests" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(TESTS)
    (tmp_path / "conftest.py").write_text(CONFTEST)
    noted = tmp_path / "noted"
    env = {**os.environ, "PYTHONPATH": str(ROOT), "NOTED": str(noted)}
    argv = [sys.executable, "-m", "pytest", "-n", "3", "--import-mode=importlib", "--rootdir", tmp_path, tmp_path]

    subprocess.run(argv, cwd=tmp_path, env=env, check=True, capture_output=True)

    workers = defaultdict[str, set[str]](set)
    for nodeid, worker in map(str.split, noted.read_text().splitlines()):
        workers[nodeid.partition("::")[0].removeprefix("tests/")].add(worker)
    assert {len(ran) for ran in workers.values()} == {1}
    assert workers["cluster/test_a.py"] == workers["cluster/test_b.py"]
    assert workers["cluster/test_a.py"] != workers["plan/test_c.py"], "nothing would run beside the node"


def test_every_place_that_a_group_or_the_order_names_is_there() -> None:
    for beginning in (*groups.TOGETHER, *groups.FIRST):
        assert list(ROOT.glob(f"{beginning}*")), beginning
