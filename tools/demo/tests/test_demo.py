"""What the demo concludes from what it sees, and that it notices errors."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cluster.errors import ClusterError
from cluster.kubectl import Line
from demo import cancelling, completing, processes, progress, sweep
from demo.cancelling import Cancelled, Observed
from demo.completing import Result


def a_status(**changes: Any) -> dict[str, Any]:
    """A status of a sweep of 36 cases that was cancelled well."""
    return {
        "phase": "CANCELLED",
        "isTerminal": True,
        "isFailed": False,
        "cancellation": {"requestedBy": "somebody", "reason": cancelling.REASON},
        "cases": {"total": 36, "succeeded": 12, "failed": 0, "cancelled": 24, "running": 0},
        **changes,
    }


GOOD = Cancelled(status=a_status(), live_then=6, all_stopped=1.0, terminal=1.1, live_now=[])


def a_job_line(time: float, **status: Any) -> Line:
    return Line(time, "job", json.dumps(status))


def a_pod_line(time: float, text: str) -> Line:
    return Line(time, "pods", text)


def test_a_correct_cancel_has_no_complaints() -> None:
    assert cancelling.complaints(GOOD, 36) == []


@pytest.mark.parametrize(
    ("found", "complaint"),
    [
        pytest.param(replace(GOOD, status=a_status(phase="FAILED")), "the phase is FAILED", id="another phase"),
        pytest.param(
            replace(GOOD, status=a_status(isFailed=True)), "isFailed", id="a cancelled sweep counts as failed"
        ),
        pytest.param(
            replace(GOOD, status=a_status(cancellation={"reason": cancelling.REASON})),
            "nobody",
            id="nobody is recorded",
        ),
        pytest.param(
            replace(GOOD, status=a_status(cases={"succeeded": 12, "failed": 0, "cancelled": 23})),
            "not 36 together",
            id="the counts do not sum up",
        ),
        pytest.param(replace(GOOD, live_now=["pod/x"]), "still live: pod/x", id="a pod still lives"),
        pytest.param(
            replace(GOOD, all_stopped=3.0),
            "before every container had stopped",
            id="the report came before the last container stopped",
        ),
    ],
)
def test_problems_of_a_cancel_are_named(found: Cancelled, complaint: str) -> None:
    (only,) = cancelling.complaints(found, 36)
    assert complaint in only


@pytest.mark.parametrize(
    ("succeeded", "running", "expected"),
    [
        pytest.param(11, 6, False, id="too few cases are done"),
        pytest.param(12, 2, False, id="free slots"),
        pytest.param(12, 6, True, id="a third is done and all slots are used"),
        pytest.param(18, 0, True, id="half is done, so it does not wait for slots"),
        pytest.param(0, 6, False, id="nothing is done"),
    ],
)
def test_the_cancel_starts_when_a_third_is_done_and_all_slots_are_used(
    succeeded: int, running: int, expected: bool
) -> None:
    cases = {"total": 36, "succeeded": succeeded, "running": running}
    assert cancelling.is_time({"cases": cases}, parallelism=6) is expected


def test_a_pod_has_stopped_at_the_first_sign_of_its_end() -> None:
    observed = Observed()
    for line in (
        a_pod_line(1, "ADDED a Pending "),
        a_pod_line(2, "MODIFIED a Running "),
        a_pod_line(3, "MODIFIED a Running 143"),
        a_pod_line(4, "DELETED a Failed 143"),
        a_pod_line(5, "MODIFIED a Failed 143"),
    ):
        observed.take(line)
    assert observed.live == set()
    assert observed.stopped_at == {"a": 3}


def test_the_first_final_phase_is_the_end_of_the_job() -> None:
    observed = Observed()
    observed.take(Line(1, "job", ""))
    for time, phase in ((2.0, "RUNNING"), (3.0, "CANCELLED"), (4.0, "CANCELLED")):
        observed.take(a_job_line(time, phase=phase))
    assert observed.ended_at == 3.0


def test_the_printed_command_works_in_a_shell() -> None:
    command = cancelling.command("rc-filter")
    assert command.startswith("kubectl patch simjob rc-filter --type=merge -p '{")
    assert json.loads(command.split("'")[1]) == cancelling.PATCH


def test_a_result_is_compared_with_the_formula() -> None:
    (result,) = completing.results(['{"r": 1000, "c": 1e-7, "f3db": 1591.6}\n'])
    assert result.expected == pytest.approx(1591.549, abs=1e-3)
    assert completing.complaints([result], 1) == []
    assert "1,591.60" in completing.table([result])


def test_a_wrong_or_missing_result_is_named() -> None:
    far = Result(r=1000, c=1e-7, f3db=1600)
    assert len(completing.complaints([far], 2)) == 2


def test_a_case_without_a_result_is_an_error() -> None:
    with pytest.raises(ClusterError, match="no result"):
        completing.results([""])


def test_the_line_shows_phase_progress_and_counts() -> None:
    line = progress.describe(a_status(progress="36/36"))
    assert line.startswith("CANCELLED")
    assert "36/36" in line
    assert "cancelled 24" in line


def test_the_small_sweep_is_a_fast_subset_of_the_large_one() -> None:
    large = sweep.manifest(on_fake_nodes=False)
    small = sweep.smaller(large, "small")
    assert (sweep.total(large), sweep.total(small)) == (36, 6)
    assert "env" not in small["spec"]["template"]["spec"]["containers"][0]
    assert "env" in large["spec"]["template"]["spec"]["containers"][0]


def test_the_operator_is_found_by_its_pods_cgroup(tmp_path: Path) -> None:
    for pid, cgroup in ((7, "/kubepods/podabc/x"), (8, "/other")):
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "cmdline").write_text("python\0-m\0simjob\0")
        (tmp_path / str(pid) / "cgroup").write_text(f"1:cpu:{cgroup}\n")
        (tmp_path / str(pid) / "status").write_text("Name:\tpython\nVmRSS:\t   2048 kB\n")
    assert processes.of_pods(["abc"], tmp_path) == [7]
    assert processes.resident_mib(7, tmp_path) == 2.0
