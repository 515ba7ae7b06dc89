"""Where cases come from, and what is reported if they cannot be read."""

from base64 import b64encode
from typing import Any

import msgspec
import pytest
from given.builders import NOW, UID, a_job, a_job_dict
from simjob.api.names import Reason
from simjob.api.simulationjob import SimulationJob
from simjob.core.cases import tableshards
from simjob.runtime.tables.casesources import CaseSources
from simjob.runtime.tables.opentable import NoCasesError
from worlds.fakes import FakeCluster

OLD_UID = "99999999-5f39-4c0e-9a05-0f6a3d0c1a11"
MESHES = {"matrix": [{"name": "mesh", "values": ["a", "b", "c"]}]}


def a_copy(key: str = "t.csv", **spec: Any) -> SimulationJob:
    return a_job(cases={"configMap": {"name": "table", "key": key}}, **spec)


def a_rerun(**spec: Any) -> SimulationJob:
    return a_job(cases=None, rerunOf={"name": "old"}, **spec)


async def rows(cluster: FakeCluster, job: SimulationJob) -> list[Any]:
    async with CaseSources(cluster).opened(job) as table:
        return [msgspec.json.decode(line) async for shard in table.shards for line in tableshards.lines(shard.text)]


async def refused(cluster: FakeCluster, job: SimulationJob) -> NoCasesError:
    with pytest.raises(NoCasesError) as refusal:
        await rows(cluster, job)
    return refusal.value


async def digest(cluster: FakeCluster, job: SimulationJob) -> str:
    async with CaseSources(cluster).opened(job) as table:
        return table.digest


async def an_old_job(cluster: FakeCluster, status: dict[str, Any] | None = None, **spec: Any) -> None:
    raw = cluster.apply(a_job_dict(metadata={"name": "old"}, **{"cases": MESHES, **spec}))
    ended = {"isTerminal": True, "phase": "FAILED", "failedIndexes": "0,2", "cancelledIndexes": "1"}
    version = raw["metadata"]["resourceVersion"]
    await cluster.patch_simulationjob_status("default", "old", version, status if status is not None else ended)


async def test_cases_of_a_table_are_numbered_from_zero() -> None:
    cluster = FakeCluster()
    cluster.put_config_map("default", "table", {"t.csv": "mesh\na\nb\n"})
    assert await rows(cluster, a_copy()) == [
        {"index": 0, "name": "0", "parameters": {"mesh": "a"}},
        {"index": 1, "name": "1", "parameters": {"mesh": "b"}},
    ]


async def test_a_large_table_is_read_in_a_thread() -> None:
    cluster = FakeCluster()
    cluster.put_config_map("default", "table", {"t.csv": "mesh\n" + "value\n" * 5_000})
    assert len(await rows(cluster, a_copy())) == 5_000


async def test_tables_of_different_content_or_job_have_different_digests() -> None:
    cluster, other = FakeCluster(), FakeCluster()
    cluster.put_config_map("default", "table", {"t.csv": "mesh\na\n", "same.csv": "mesh\n\na\n"})
    other.put_config_map("default", "table", {"t.csv": "mesh\nb\n"})
    first = await digest(cluster, a_copy())
    assert await digest(cluster, a_copy("same.csv")) == first
    assert await digest(other, a_copy()) != first
    assert await digest(cluster, a_copy(metadata={"name": "other"})) != first
    assert await digest(cluster, a_copy(metadata={"uid": OLD_UID})) == first, "made again, it finds its tables again"


@pytest.mark.parametrize(
    ("data", "binary", "message"),
    [
        pytest.param({}, {}, "its keys are none", id="no keys"),
        pytest.param({"b": "", "a": ""}, {"c": "iVBORw=="}, 'its keys are "a", "b", "c"', id="text and binary keys"),
        pytest.param({f"k{n:02}": "" for n in range(12)}, {}, '"k09" and 2 more', id="a long list is cut"),
    ],
)
async def test_a_missing_key_may_still_appear(data: dict[str, str], binary: dict[str, str], message: str) -> None:
    cluster = FakeCluster()
    cluster.put_config_map("default", "table", data, binaryData=binary)
    refusal = await refused(cluster, a_copy())
    assert (refusal.reason, refusal.permanent) == (Reason.SOURCE_NOT_FOUND, False)
    assert str(refusal).endswith(f"{message}. Add the key; the job then continues")


async def test_a_rerun_takes_unsuccessful_cases_with_names_and_parameters() -> None:
    cluster = FakeCluster()
    listed = [{"name": f"case-{mesh}", "parameters": {"mesh": mesh}} for mesh in "abc"]
    await an_old_job(cluster, cases={"list": listed})
    found = await rows(cluster, a_rerun())
    assert [(row["index"], row["name"], row["parameters"]["mesh"]) for row in found] == [
        (0, "case-a", "a"),
        (1, "case-b", "b"),
        (2, "case-c", "c"),
    ]


@pytest.mark.parametrize(("outcome", "indexes"), [("Failed", [1]), ("Cancelled", [])])
async def test_a_rerun_takes_no_case_for_cancelled_because_its_job_was_cancelled_too_late(
    outcome: str, indexes: list[int]
) -> None:
    cluster = FakeCluster()
    await an_old_job(cluster, {"isTerminal": True, "phase": "FAILED", "failedIndexes": "1", "succeededIndexes": "0,2"})
    cluster.apply({"metadata": {"namespace": "default", "name": "old"}, "spec": {"cancel": True}})
    again = a_job(cases=None, rerunOf={"name": "old", "outcomes": [outcome]})
    assert [row["index"] for row in await rows(cluster, again)] == indexes


async def test_a_rerun_of_a_table_copies_its_lines_from_all_its_shards() -> None:
    cluster = FakeCluster()
    old = cluster.apply(a_job_dict(metadata={"name": "old"}, cases={"configMap": {"name": "gone", "key": "t.csv"}}))
    owner = [{"uid": old["metadata"]["uid"], "controller": True}]
    for first in (0, 2):
        line = '{{"index":{},"name":"{}","parameters":{{}}}}\n'
        text = "".join(line.format(index, index) for index in (first, first + 1))
        name = f"old-cases-0123abcd-{first}"
        meta = {"name": name, "ownerReferences": owner}
        cluster.put_config_map("default", name, {"cases.jsonl": text}, metadata=meta)
    table = {"configMaps": ["old-cases-0123abcd-0", "old-cases-0123abcd-2"], "indexes": "0-3"}
    status = {"isTerminal": True, "phase": "FAILED", "failedIndexes": "1-2", "caseTable": table}
    await cluster.patch_simulationjob_status("default", "old", old["metadata"]["resourceVersion"], status)
    assert [row["index"] for row in await rows(cluster, a_rerun())] == [1, 2]
    cluster.remove("configmaps", "default", "old-cases-0123abcd-2")
    refusal = await refused(cluster, a_rerun())
    assert (refusal.reason, refusal.permanent) == (Reason.CASES_UNREADABLE, False)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        pytest.param({}, Reason.RERUN_NOT_FINISHED, id="it has no status"),
        pytest.param({"phase": "RUNNING", "isTerminal": False}, Reason.RERUN_NOT_FINISHED, id="it runs"),
    ],
)
async def test_a_rerun_waits_for_an_unfinished_job(status: dict[str, Any], reason: str) -> None:
    cluster = FakeCluster()
    await an_old_job(cluster, status)
    refusal = await refused(cluster, a_rerun())
    assert (refusal.reason, refusal.permanent) == (reason, False)
    assert str(refusal).startswith('SimulationJob "old" has not finished (it is ')


async def test_a_rerun_waits_for_a_missing_or_unreadable_job() -> None:
    cluster = FakeCluster()
    missing = await refused(cluster, a_rerun())
    assert (missing.reason, missing.permanent) == (Reason.RERUN_NOT_FOUND, False)
    await an_old_job(cluster, cases={"count": 0})
    unreadable = await refused(cluster, a_rerun())
    assert (unreadable.reason, unreadable.permanent) == (Reason.CASES_UNREADABLE, False)


async def test_a_job_that_ended_before_its_cases_were_known_cannot_be_rerun() -> None:
    cluster = FakeCluster()
    await an_old_job(
        cluster, {"isTerminal": True, "phase": "CANCELLED"}, cases={"configMap": {"name": "t", "key": "t"}}
    )
    refusal = await refused(cluster, a_rerun())
    assert (refusal.reason, refusal.permanent) == (Reason.INVALID_SPEC, True)
    assert "ended before its cases were known" in str(refusal)


async def test_a_job_cannot_rerun_itself() -> None:
    itself = a_rerun(metadata={"name": "old", "uid": UID})
    refusal = await refused(FakeCluster(lambda: NOW), itself)
    assert (refusal.reason, refusal.permanent) == (Reason.RERUN_OF_ITSELF, True)


async def test_a_utf_16_table_in_binary_data_is_read() -> None:
    cluster = FakeCluster()
    content = b64encode("\ufeffmesh\r\nfein\r\n".encode("utf-16-le")).decode()
    cluster.put_config_map("default", "table", {}, binaryData={"t.csv": content})
    assert [row["parameters"] for row in await rows(cluster, a_copy())] == [{"mesh": "fein"}]


async def test_binary_data_of_another_format_is_named() -> None:
    cluster = FakeCluster()
    content = b64encode(b"PK\x03\x04 and so on").decode()
    cluster.put_config_map("default", "table", {}, binaryData={"t.csv": content})
    refusal = await refused(cluster, a_copy())
    assert (refusal.reason, refusal.permanent) == (Reason.CASES_UNREADABLE, False)
    assert "it is an Excel, LibreOffice or Numbers file" in str(refusal)


async def test_status_reports_how_a_table_was_read() -> None:
    cluster = FakeCluster()
    cluster.put_config_map("default", "table", {"t.csv": ";Wall [mm];re\n0;2,5;1\n"})
    async with CaseSources(cluster).opened(a_copy()) as table:
        assert table.format == "CSV, separated by semicolons, with decimal commas"
        assert [column.to_api() for column in table.columns or ()] == [
            {"name": ""},
            {"name": "Wall [mm]", "parameter": "Wall_mm"},
        ]


async def test_an_unreadable_table_names_the_line_and_can_be_corrected() -> None:
    cluster = FakeCluster()
    cluster.put_config_map("default", "table", {"t.csv": "mesh,re\na\n"})
    refusal = await refused(cluster, a_copy())
    assert (refusal.reason, refusal.permanent) == (Reason.CASES_UNREADABLE, False)
    assert str(refusal).startswith('key "t.csv" of ConfigMap "table" cannot be read: line 2')


async def test_a_subset_of_a_rerun_is_checked_against_the_old_job() -> None:
    cluster = FakeCluster()
    await an_old_job(cluster)
    assert len(await rows(cluster, a_rerun(subset="0-2"))) == 3
    refusal = await refused(cluster, a_rerun(subset="2-3"))
    assert (refusal.reason, refusal.permanent) == (Reason.INVALID_SPEC, True)
