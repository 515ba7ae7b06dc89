import pytest
from given.builders import a_job
from simjob.api.simulationjob import SimulationJob
from simjob.runtime.store.unknownfields import UnknownFields
from worlds.stores import KEY, a_store, sweep

METADATA = a_job().metadata


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.__dict__["field"] for record in caplog.records]


def test_an_unknown_field_is_logged_once_however_many_objects_have_it(caplog: pytest.LogCaptureFixture) -> None:
    store = a_store()
    store.seen(sweep(1, newer=1))
    store.seen(sweep(2, newer=1, other={"deep": 2}))
    assert logged(caplog) == ["spec.newer", "spec.other"]
    assert isinstance(store.get(KEY), SimulationJob)


def test_a_field_of_several_list_items_counts_as_one(caplog: pytest.LogCaptureFixture) -> None:
    UnknownFields().note(METADATA, ["spec.cases.list[0].newer", "spec.cases.list[17].newer"])
    assert logged(caplog) == ["spec.cases.list[].newer"]


def test_a_line_names_the_first_object_that_has_the_field(caplog: pytest.LogCaptureFixture) -> None:
    UnknownFields().note(METADATA, ["spec.newer"])
    (record,) = caplog.records
    assert (record.__dict__["namespace"], record.__dict__["simulationjob"]) == ("default", "sweep")


def test_no_more_than_a_hundred_fields_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    UnknownFields().note(METADATA, [f"spec.field{number}" for number in range(150)])
    assert len(logged(caplog)) == 100
