"""What docs/backup.md says: SimulationJobs are created again with and without their status and ConfigMaps."""

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import yaml
from cluster.provider import Cluster
from given.outcomes import FIELDS, OUTCOMES, as_fields
from integration.conftest import make_place
from integration.support import client as paths
from integration.support import transcript
from integration.support.backup import (
    DESIGN,
    Backup,
    half_done,
    indexes,
    owners,
    ran,
    remove,
    rows,
    saying,
    wait_removed,
)
from integration.support.client import Client, RefusedError
from integration.support.operator_process import OperatorProcess
from integration.support.sweeps import Place, Sweep, a_template, eventually
from integration.support.transcript import Step, Terminal

pytestmark = pytest.mark.integration

PAGE = (Path(__file__).parents[3] / "docs/backup.md").read_text()
SECTIONS = transcript.sections(PAGE)


@pytest.mark.parametrize(
    "is_away",
    [pytest.param(False, id="the operator runs meanwhile"), pytest.param(True, id="the operator is stopped meanwhile")],
)
def test_a_half_done_sweep_restored_with_status_and_configmaps_continues(
    place: Place, operator: OperatorProcess, is_away: bool
) -> None:
    first = half_done(place)
    # What ends after the SimulationJob was read has a row in the backup, and no outcome.
    backup = Backup(first, between=lambda: first.end_all("COMPLETED"))
    before = {row["index"]: row["parameters"] for row in rows(place)}
    assert len(before) == 6
    ended = indexes(backup.sweep["status"]["succeededIndexes"])
    remove(first)
    if is_away:
        operator.stop()
        again = backup.make_again()
        backup.put_status_back(again)
        backup.put_config_maps_back(digest=False)
        operator.start()
    else:
        backup.put_config_maps_back()
        again = backup.make_again(suspend=True)
        again.wait_phase("SUSPENDED")
        backup.put_status_back(again)
        again.patch(suspend=False)
    status = again.end_all("COMPLETED")
    assert (status["succeededIndexes"], status["results"]["rows"]) == ("0-5", 6)
    assert len(ended) == 2
    assert ran(again) == set(range(6)) - ended, "what had ended does not run again, all else does"
    assert sorted(row["index"] for row in rows(place)) == list(range(6))
    assert before == {row["index"]: row["parameters"] for row in rows(place)}
    assert status["caseTable"] == backup.sweep["status"]["caseTable"], "the design is the one that was drawn first"
    eventually(lambda: owners(place) == {again.uid}, lambda: f"adopted: {owners(place)}")
    remove(again)


def test_an_ended_sweep_restored_with_its_status_stays_ended_and_adopts_its_configmaps(
    place: Place, operator: OperatorProcess
) -> None:
    first = place.apply(cases=DESIGN, template=saying())
    first.wait_phase("COMPLETED")
    backup = Backup(first)
    remove(first)
    operator.stop()
    again = backup.make_again()
    backup.put_status_back(again)
    backup.put_config_maps_back()
    operator.start()
    eventually(lambda: owners(place) == {again.uid}, lambda: f"adopted: {owners(place)}")
    assert again.status["phase"] == "COMPLETED"
    assert (again.job_names, len(rows(place))) == ([], 6)
    remove(again)


def test_a_sweep_restored_without_status_runs_again_and_duplicates_no_row(place: Place) -> None:
    first = place.apply(cases={**DESIGN, "samples": {**DESIGN["samples"], "seed": 1}}, template=saying())
    first.wait_phase("COMPLETED")
    backup = Backup(first)
    remove(first)
    backup.put_config_maps_back()
    again = backup.make_again()
    status = again.wait_phase("COMPLETED")
    assert (len(again.pod_names), status["results"]["rows"]) == (6, 6)
    assert sorted(row["index"] for row in rows(place)) == list(range(6))
    assert status["caseTable"] == backup.sweep["status"]["caseTable"], "the same seed gives the same ConfigMaps"
    eventually(lambda: owners(place) == {again.uid}, lambda: f"adopted: {owners(place)}")


def test_without_result_configmaps_outcomes_are_kept_and_a_new_table_begins(
    place: Place, operator: OperatorProcess
) -> None:
    first = half_done(place)
    backup = Backup(first)
    ended = indexes(backup.sweep["status"]["succeededIndexes"])
    remove(first)
    operator.stop()
    again = backup.make_again()
    backup.put_status_back(again)
    backup.put_config_maps_back(keep=lambda name: "-cases-" in name)
    operator.start()
    status = again.end_all("COMPLETED")
    assert status["succeededIndexes"] == "0-5"
    assert {row["index"] for row in rows(place)} == set(range(6)) - ended
    assert status["results"]["rows"] == len(rows(place))


def test_without_case_configmaps_nothing_starts_until_they_are_restored(
    place: Place, operator: OperatorProcess
) -> None:
    first = half_done(place)
    backup = Backup(first)
    # As a backup of the last release has it.
    for field in (*FIELDS, "restarts"):
        backup.sweep["status"].pop(field, None)
    remove(first)
    operator.stop()
    again = backup.make_again()
    backup.put_status_back(again)
    operator.start()
    again.wait(lambda status: status.get("reason") == "CaseTableRefused", "the missing table")
    backup.put_config_maps_back()
    assert again.end_all("COMPLETED")["succeededIndexes"] == "0-5"


def test_a_restored_sweep_keeps_its_start_time_and_its_cancel(place: Place, operator: OperatorProcess) -> None:
    late = place.apply("late", cases={"count": 1}, timeouts={"totalSeconds": 3600})
    late.wait_running(1)
    ended = place.apply("ended", cases={"count": 1}, template=saying(), ttlSecondsAfterFinished=3600)
    cancelled, kept = place.apply("cancelled", cases={"count": 1}), place.apply("kept", cases={"count": 1})
    ended.wait_phase("COMPLETED")
    for sweep in (cancelled, kept):
        sweep.cancel()
        sweep.wait_phase("CANCELLED")
    backups = [Backup(sweep) for sweep in (late, ended, cancelled, kept)]
    cancellation = kept.status["cancellation"]
    for sweep in (late, ended, cancelled, kept):
        sweep.delete()
        sweep.wait_cleared()
    operator.stop()
    for backup in backups:
        for key in ("startTime", "completionTime"):
            if key in backup.sweep["status"]:
                backup.sweep["status"][key] = "2020-01-01T00:00:00Z"
    late, ended, cancelled, kept = (backup.make_again() for backup in backups)
    for backup, sweep in zip(backups, (late, ended, cancelled, kept), strict=True):
        if sweep is not cancelled:
            backup.put_status_back(sweep)
    operator.start()
    assert late.wait_phase("FAILED")["errorCode"] == "TOTAL_TIMEOUT"
    eventually(lambda: place.client.find(ended.path) is None, lambda: "its time to live is over")
    assert (cancelled.wait_phase("CANCELLED")["cancelledIndexes"], cancelled.pod_names) == ("0", [])
    assert (kept.status["phase"], kept.status["cancellation"], kept.pod_names) == ("CANCELLED", cancellation, [])
    latest = {**backups[0].sweep["status"], "phase": "RUNNING", "isTerminal": False}
    with pytest.raises(RefusedError):
        place.client.patch(f"{late.path}/status", {"status": latest})


def test_cases_of_orphaned_pods_start_after_those_pods_end(place: Place) -> None:
    first = place.apply(cases={"count": 3}, parallelism=2)
    first.wait_running(2)
    first.delete("Orphan")
    first.wait_until(lambda: place.client.find(first.path) is None, "the SimulationJob is gone")
    left = first.running_pods
    again = place.apply(cases={"count": 3}, template=a_template(run=1))
    status = again.wait(lambda status: status.get("reason") == "EarlierPodRuns", "the words on the pod")
    case_0 = min(pod["metadata"]["name"] for pod in left)
    assert status["message"].startswith(f"case 0 still runs in pod {case_0} of an earlier SimulationJob of this name")
    again.wait(lambda status: status.get("succeededIndexes") == "2", "the end of the case that nothing ran")
    assert len(first.running_pods) == 2, "nobody has stopped them"
    left_behind = urlencode({"labelSelector": f"simjob.dev/name=sweep,simjob.dev/uid!={again.uid}"})
    place.client.ask("DELETE", f"{paths.jobs(place.name)}?{left_behind}", {"propagationPolicy": "Background"})
    assert again.wait_phase("COMPLETED")["succeededIndexes"] == "0-2"
    first.wait_cleared()
    assert len(again.jobs) == 3


def test_results_of_another_sweep_of_the_same_name_are_kept(place: Place) -> None:
    first = place.apply(template=saying())
    first.wait_phase("COMPLETED")
    first.delete("Orphan")
    first.wait_until(lambda: place.client.find(first.path) is None, "the SimulationJob is gone")
    before = rows(place)
    other = place.apply(cases={"count": 2}, template=saying())
    assert other.wait_phase("COMPLETED")["results"] == {"configMaps": [], "rows": 0, "missing": 2}
    assert (rows(place), owners(place)) == (before, set())
    for job in first.jobs:
        place.client.delete(paths.jobs(place.name, job["metadata"]["name"]), "Background")


def test_a_wiped_status_duplicates_no_row(client: Client, operator: OperatorProcess) -> None:
    # A status that loses outcomes is lawful only here.
    place = make_place(client, "test-wiped-status", operator.tail)
    sweep = half_done(place, cases={"count": 6})
    status = {key: None for key in sweep.status if key != "startTime"}
    client.patch(f"{sweep.path}/status", {"status": status})
    found = sweep.end_all("COMPLETED")
    assert (found["succeededIndexes"], found["results"]["rows"]) == ("0-5", 6)
    assert sorted(row["index"] for row in rows(place)) == list(range(6))
    place.leave()


def wing(place: Place, folder: Path, run: float | None = 1) -> Sweep:
    """Make the sweep that the page is about, from a file as people have it. Without `run`, the test ends its cases."""
    spec: Any = {"cases": {"count": 8}, "parallelism": 4, "template": saying(run)}
    sweep = place.apply("wing", **spec)
    body = {"apiVersion": "simjob.dev/v1beta1", "kind": "SimulationJob", "metadata": {"name": "wing"}, "spec": spec}
    (folder / "wing.yaml").write_text(yaml.safe_dump(body))
    return sweep


def type_in(terminal: Terminal, place: Place, heading: str) -> None:
    type_steps(terminal, place, SECTIONS[heading])


def type_steps(terminal: Terminal, place: Place, steps: list[Step]) -> None:
    for step in steps:
        found = transcript.difference(terminal, step)
        assert not found, f"{found}\n{place.explain()}"


@pytest.fixture
def terminal(kwok_cluster: Cluster, place: Place, tmp_path: Path) -> Terminal:
    """Open a shell whose kubectl works in the test's namespace."""
    return transcript.terminal(tmp_path, kwok_cluster.kubeconfig, place.name)


def test_the_commands_of_the_page_restore_a_cancelled_job(place: Place, terminal: Terminal, tmp_path: Path) -> None:
    first = wing(place, tmp_path, run=None)
    first.wait_running(4)
    first.end_running()
    first.wait(lambda status: status.get("cases", {}).get("succeeded", 0) == 4, "four ends")
    # A case that had ended before it was named keeps its outcome, also after a restore.
    first.patch(cancelCases="0-3")
    first.cancel()
    first.wait_phase("CANCELLED")
    before = place.client.get(first.path)
    type_in(terminal, place, "Back up")
    wait_removed(first)
    *steps, shown = SECTIONS["Restore with the status"]
    type_steps(terminal, place, steps)
    assert terminal.run(shown.command).startswith("CANCELLED ")
    after = place.client.get(first.path)
    again = Sweep(place, "wing", after["metadata"]["uid"])
    place.settle()
    assert after["spec"] == before["spec"]
    for kept in ("cancellation", *as_fields(dict.fromkeys(OUTCOMES, "")), "cases", "completionTime"):
        assert after["status"][kept] == before["status"][kept], kept
    assert again.pod_names == [], "nothing runs again"
    remove(again)


def test_the_commands_of_the_page_print_the_output_shown(place: Place, terminal: Terminal, tmp_path: Path) -> None:
    sweep = wing(place, tmp_path)
    sweep.wait(lambda status: status.get("results", {}).get("rows", 0) >= 4, "half of the results")
    headings = ["Back up", "Restore with the status", "Delete and keep the ConfigMaps", "Restore without the status"]
    assert set(headings) == set(SECTIONS)
    type_in(terminal, place, headings[0])
    wait_removed(sweep)
    for heading in headings[1:3]:
        type_in(terminal, place, heading)
    terminal.run("kubectl delete simjob wing; kubectl delete jobs --all")
    type_in(terminal, place, headings[3])
