"""Cancel under Argo CD by a patch."""

import pytest
from integration.gitops.gitops import Tools
from integration.support.sweeps import eventually
from tools.gitops.application import Application
from tools.gitops.sweeps import CANCEL, only

pytestmark = pytest.mark.tools


def test_self_heal_keeps_a_cancel_that_is_not_in_git(application: Application, tools: Tools) -> None:
    application.apply(only())
    sweep = tools.sweep()
    sweep.wait_running(3)
    tools.patch(CANCEL)
    sweep.wait_phase("CANCELLED")
    application.refresh()
    assert tools.read()["spec"]["cancel"] is True


def test_self_heal_resets_a_cancel_that_is_false_in_git_and_the_sweep_stays_cancelled(
    application: Application, tools: Tools
) -> None:
    application.apply(only(cancel=False))
    sweep = tools.sweep()
    sweep.wait_running(3)
    tools.patch(CANCEL)
    sweep.wait_phase("CANCELLED")
    eventually(lambda: tools.read()["spec"]["cancel"] is False, application.explain)
    assert sweep.status["phase"] == "CANCELLED"
