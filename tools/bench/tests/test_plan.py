"""The plan, the command line, and what children are measured by."""

from pathlib import Path
from typing import Any

import pytest
from bench import driver, plan
from bench.__main__ import _parser, _wishes, main
from bench.children import Usage
from bench.report import document
from bench.report.timeline import LABEL, Key, Pod
from bench.scenarios.ceiling import rates
from bench.shape import Shape, annotations, template
from bench.systems.bareclient import Bodies
from bench.tests.given import a_run, a_trial, every_goal


def wishes(*arguments: str) -> driver.Wishes:
    parser = _parser()
    return _wishes(parser, parser.parse_args(list(arguments)), list(arguments))


def test_a_full_run_has_three_repeats_and_both_controller_manager_rates() -> None:
    found = wishes()
    assert (found.repeats, found.qps, found.quick) == (3, (20, 1000), False)
    assert [one.name for one in found.scenarios] == plan.names()


def test_scenarios_systems_and_repeats_can_be_chosen() -> None:
    found = wishes("--scenarios", "live", "--systems", "simjob,bare", "--repeats", "2", "--quick")
    assert [one.name for one in found.scenarios] == ["live"]
    assert (found.systems, found.repeats, found.quick) == (("simjob", "bare"), 2, True)


def test_only_leader_scenarios_use_the_lease() -> None:
    assert [one.name for one in plan.SCENARIOS if one.election] == ["many-cancels", "many-deletions", "finished"]


def test_the_operator_of_another_checkout_can_be_measured(tmp_path: Path) -> None:
    assert wishes("--checkout", str(tmp_path)).checkout == tmp_path.resolve()
    assert (wishes().checkout / "operator/simjob").is_dir()


def test_quick_can_be_set_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUICK", "1")
    assert (wishes().quick, wishes().repeats) == (True, 1)


def test_an_unknown_system_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        wishes("--systems", "argo")
    assert "unknown system: argo" in capsys.readouterr().err


def test_a_choice_that_matches_nothing_is_refused_and_changes_no_results(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "bench"
    assert main(["--quick", "--scenarios", "live", "--sizes", "7", "--output", str(output)]) == 1
    assert "nothing to measure" in capsys.readouterr().err
    assert not output.exists()


def test_non_numeric_sizes_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        wishes("--sizes", "200;1000")
    assert "'200;1000' must be numbers separated by commas" in capsys.readouterr().err


def test_each_repeat_starts_with_a_different_system() -> None:
    assert [driver._turned(["a", "b", "c"], repeat) for repeat in range(3)] == [
        ["a", "b", "c"],
        ["b", "c", "a"],
        ["c", "a", "b"],
    ]


def test_pods_carry_their_system_and_their_life_cycle() -> None:
    made = template("sweep", Shape(cases=1, run=2.5, stop=1.5))
    assert made["metadata"]["labels"] == {LABEL: "sweep"}
    assert annotations(Shape(cases=1)) == {}
    assert annotations(Shape(cases=1, fails="3"))["kwok.simjob.dev/exit-code-only"] == "3"
    assert made["metadata"]["annotations"] == {
        "kwok.simjob.dev/run-seconds": "2.5",
        "kwok.simjob.dev/termination-seconds": "1.5",
    }


def test_the_bare_client_creates_the_operators_objects_with_another_manager() -> None:
    bodies = Bodies(Key("ns", "sweep"), Shape(cases=3))
    assert len(bodies.jobs) == len(bodies.pods) == 3
    (name, job), (pod_name, pod) = bodies.jobs[1], bodies.pods[1]
    assert pod_name == f"{name}-0"
    assert b'"managedBy":"bench.simjob.dev/bare"' in job
    assert b"ownerReferences" not in job
    assert f'"{LABEL}":"sweep"'.encode() in pod
    assert b"SIMJOB_CASE_INDEX" in pod


def test_memory_and_cpu_time_are_read_from_proc() -> None:
    status = "Name:\tpython\nVmHWM:\t  204800 kB\nVmRSS:\t  102400 kB\n"
    stat = "42 (a ) name) S 1 1 1 0 -1 4194304 1 0 0 0 150 50 0 0 20 0 1 0 100 1 1"
    usage = Usage.parse(status, stat)
    assert (usage.peak, usage.resident, usage.cpu) == (200, 100, 2.0)


def test_rates_cover_the_whole_interval() -> None:
    pods = [Pod(created=0, running=1, signalled=10, ended=11), Pod(created=1, running=2, signalled=11, ended=14)]
    assert rates(pods) == (1.0, 0.5)


def test_a_quick_run_writes_no_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = a_run(a_trial())
    made.quick = True
    driver.write(made, tmp_path / "results.json")
    assert main(["--document", str(tmp_path / "results.json")]) == 1
    assert "it was a quick one" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("there", "said"),
    [
        pytest.param(None, "No such file", id="no file"),
        pytest.param("{}", "holds no results", id="a file without results"),
        pytest.param("not JSON", "holds no results", id="a file that is not JSON"),
    ],
)
def test_a_folder_without_results_gives_no_document(
    there: str | None, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results.json"
    if there is not None:
        results.write_text(there)
    assert main(["--document", str(results)]) == 1
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param({"repeats": 2}, "fewer than 3 repeats", id="too few repeats"),
        pytest.param({"commit": "abc+"}, "not committed", id="uncommitted code"),
        pytest.param({"complete": False}, "was interrupted", id="a run that was interrupted"),
        pytest.param(
            {"trials": [a_trial()]}, "did not measure: 1,000 cases, QPS 20: all running", id="a goal without a trial"
        ),
        pytest.param(
            {"trials": [*every_goal(), a_trial(live_when_said=2)]}, "2 pods lived then", id="live pods after the report"
        ),
    ],
)
def test_missing_results_are_reported(change: dict[str, Any], said: str) -> None:
    run = a_run(*every_goal())
    assert document.lacks(run) == ""
    for name, value in change.items():
        setattr(run, name, value)
    assert said in document.lacks(run)


def test_a_full_run_writes_the_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.__main__.DOCUMENT", tmp_path / "benchmarks.md")
    driver.write(a_run(*every_goal()), tmp_path / "results.json")
    assert main(["--document", str(tmp_path / "results.json")]) == 0
    text = (tmp_path / "benchmarks.md").read_text()
    assert "## Idle: 10,000 cases" in text
    assert "Nothing happens for a while.\n" in text
