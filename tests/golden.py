"""`make golden`: write the plans, manifests and a refusal of the committed stacks as the tests expect them."""

from ops.render.command import files, write
from ops.render.recorder import run_program
from tests import stacks
from tests.plan import test_plan
from tests.plan.card import test_fit
from tests.program import test_render

if __name__ == "__main__":
    test_fit.GOLDEN.write_text(test_fit.refusal(test_fit.spike()) + "\n")
    for stack in stacks.NAMES:
        (test_plan.GOLDEN / f"{stack}.json").write_text(test_plan.rendered(test_plan.planned(stack)))
        recorder = test_render.lean_recorder()
        run_program(stacks.raw(stack))
        write(test_render.GOLDEN / stack, files(stack, test_render.lean_registrations(recorder)))
