"""What holds for a sweep with its cases in a table, wherever the operator stops and whatever users do."""

import itertools
from typing import Any

import pytest
from core.laws.test_cancel_laws import assert_cancelled, cancel
from core.laws.test_laws import end_of
from given.outcomes import outcomes_of
from given.scenario import TABLE, Deed, Fault, World
from simjob.api import names
from simjob.core.cases import tableshards

SCRIPT = ((0,), (0,), (1,))
SPEC = {"cases": {"configMap": TABLE}}
MESHES = ["0", "1.10", "2 "]
ROWS = "mesh\n0\n1.10\n2 \n"
CHANGED = "mesh\n3\n4\n5\n"


@pytest.fixture(autouse=True)
def a_case_a_shard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make shards so small that a crash can come between any two of them."""
    monkeypatch.setattr(tableshards, "MAX_SHARD_BYTES", 10)


def a_world(**more: Any) -> World:
    return World(script=SCRIPT, spec=SPEC, table=ROWS, **more)


@pytest.fixture
def undisturbed() -> World:
    return a_world().run()


def meshes(world: World) -> list[str]:
    """Give the parameter that each Job was made with, by index; a Job made twice has two."""
    found = {}
    for job in world.cluster.objects("jobs"):
        (container,) = job["spec"]["template"]["spec"]["containers"]
        values = {variable["name"]: variable["value"] for variable in container["env"]}
        found[int(values["SIMJOB_CASE_INDEX"])] = values["PARAM_MESH"]
    return [found[index] for index in sorted(found)]


def written(world: World) -> dict[str, str]:
    """Give the shards that there are, by name."""
    maps = {raw["metadata"]["name"]: raw["data"] for raw in world.cluster.objects("configmaps")}
    return {name: data[names.CASES_KEY] for name, data in maps.items() if names.CASES_KEY in data}


def test_a_table_is_stored_and_run(undisturbed: World) -> None:
    assert undisturbed.cluster.breaches == []
    assert outcomes_of(end_of(undisturbed)) == {"succeeded": "0-1", "failed": "2", "cancelled": ""}
    listed = undisturbed.status["caseTable"]["configMaps"]
    assert sorted(written(undisturbed)) == listed
    assert len(listed) == 3
    assert meshes(undisturbed) == MESHES


@pytest.mark.parametrize("fault", Fault)
def test_errors_at_any_write_do_not_change_the_cases(undisturbed: World, fault: Fault) -> None:
    for number in range(1, undisturbed.writes + 1):
        world = a_world(faults={number: fault}).run()
        assert (world.deaths, world.cluster.breaches) == (int(fault.is_death), []), number
        assert end_of(world) == end_of(undisturbed), number
        assert world.own_ends == undisturbed.own_ends, number
        assert written(world) == written(undisturbed), number
        assert meshes(world) == MESHES, number


def change(world: World) -> None:
    world.cluster.remove("configmaps", "default", TABLE["name"])
    world.cluster.put_config_map("default", TABLE["name"], {TABLE["key"]: CHANGED})


@pytest.mark.parametrize("fault", [None, Fault.DIE_BEFORE, Fault.DIE_AFTER])
def test_a_source_changed_at_any_write_never_mixes_old_and_new_cases(undisturbed: World, fault: Fault | None) -> None:
    seen = set()
    for number in range(1, undisturbed.writes + 1):
        people: dict[int, Deed] = {number: change}
        world = a_world(people=people, faults={number + 1: fault} if fault else {}).run()
        assert world.cluster.breaches == [], number
        assert meshes(world) in (MESHES, ["3", "4", "5"]), number
        seen.add(meshes(world)[0])
        listed = world.status["caseTable"]["configMaps"]
        rows = [case for name in listed for case in tableshards.cases(written(world)[name])]
        assert [row.text("mesh") for row in rows] == meshes(world)
    assert "0" in seen, "once it is written down the source does not matter"


def test_a_cancel_at_any_write_ends_cancelled_or_arrives_after_the_end(undisturbed: World) -> None:
    phases = []
    for number in range(1, undisturbed.writes + 1):
        world = a_world(people={number: cancel}).run()
        assert_cancelled(world)
        phases.append(world.status["phase"])
    assert [phase for phase, _ in itertools.groupby(phases)] == ["CANCELLED", "FAILED"]


def test_a_late_source_is_found() -> None:
    def bring(world: World) -> None:
        world.after(30, lambda: world.cluster.put_config_map("default", TABLE["name"], {TABLE["key"]: ROWS}))

    world = World(script=SCRIPT, spec=SPEC, people={1: bring}).run()
    assert world.cluster.breaches == []
    assert outcomes_of(end_of(world)) == {"succeeded": "0-1", "failed": "2", "cancelled": ""}
    assert world.writes < 30, "it is not written again and again that the source is not there"


def test_a_world_with_a_table_at_rest_needs_no_action_and_no_status_write(undisturbed: World) -> None:
    job, plan = undisturbed.plan_again()
    assert (plan.actions, plan.notices, plan.status) == ((), (), job.status)


@pytest.mark.parametrize("fault", [None, Fault.DIE_BEFORE, Fault.DIE_AFTER])
def test_a_corrected_table_runs_wherever_the_operator_stops(undisturbed: World, fault: Fault | None) -> None:
    def correct(world: World) -> None:
        world.after(30, lambda: change(world))

    for number in range(2, undisturbed.writes + 2):
        faults = {number: fault} if fault else {}
        world = World(script=SCRIPT, spec=SPEC, table="mesh,re\n0\n", people={1: correct}, faults=faults).run()
        assert world.cluster.breaches == [], number
        assert meshes(world) == ["3", "4", "5"], number
        assert outcomes_of(end_of(world)) == {"succeeded": "0-1", "failed": "2", "cancelled": ""}, number


def test_a_job_with_a_wrong_table_can_be_cancelled_without_leftovers() -> None:
    world = World(
        script=SCRIPT, spec=SPEC, table="mesh,re\n0\n", people={1: lambda world: world.after(30, lambda: cancel(world))}
    ).run()
    assert_cancelled(world)
    assert (world.status["phase"], written(world), world.status["cases"]["total"]) == ("CANCELLED", {}, 0)
