"""How a pod's program ends, whatever it is doing when it is told to."""

import signal
import subprocess
import sys

from tests.stacks import ROOT

# The handler runs between two steps of Python code, here in the callback of a weakref: what it raises there is lost.
PROGRAM = """
import os, signal, weakref
from pods.core import report

class Thing: pass

def stopped_in_a_callback():
    def callback(_):
        os.kill(os.getpid(), signal.SIGTERM)
        for _ in range(1000): pass
    thing = Thing()
    kept = weakref.ref(thing, callback)
    del thing

report.run(stopped_in_a_callback)
"""


def test_sigterm_ends_a_program_also_where_an_exception_would_be_lost() -> None:
    ran = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=False)

    assert ran.returncode == 128 + signal.SIGTERM, ran.stdout + ran.stderr
    assert "ended by SIGTERM" in ran.stdout
