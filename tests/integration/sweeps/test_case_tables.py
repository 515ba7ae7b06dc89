"""Cases that the spec does not hold itself: designs and tables, stored once and read only from there."""

import json
import math
from base64 import b64encode
from pathlib import Path
from typing import Any

import duckdb
import pytest
from integration.support import client as paths
from integration.support.client import Object, RefusedError
from integration.support.operator_process import OperatorProcess
from integration.support.sweeps import Place, Sweep, a_template, environment
from integration.worlds.limits import quota

pytestmark = pytest.mark.integration

SIZE = 8
BOX = [{"name": "width", "min": 10, "max": 20}, {"name": "reynolds", "min": 1, "max": 1000, "scale": "Log"}]
CSV = 'mesh,reynolds,on\r\nfine,1,true\r\n\r\n"a, b",2.50,x\r\n'
LINES = '{"mesh":"fine","reynolds":1,"on":true}\n{"mesh":"a, b","reynolds":2.50,"on":"x"}\n'
CSV_VALUES = [{"mesh": "fine", "reynolds": 1, "on": True}, {"mesh": "a, b", "reynolds": 2.5, "on": "x"}]
# 5,000 rows that are 100 KB in the user's ConfigMap and 3 MB written out.
WIDE = ",".join(f"{'p' * 58}{number}" for number in range(10)) + "\n" + "1,2,3,4,5,6,7,8,9,0\n" * 5_000


QUICK = a_template(run=1)


def samples(method: str, **more: Any) -> Object:
    return {"samples": {"method": method, "size": SIZE, "parameters": BOX, **more}}


def table(key: str = "cases.csv", name: str = "table") -> Object:
    return {"configMap": {"name": name, "key": key}}


def put(place: Place, name: str = "table", **data: str) -> None:
    """Make a ConfigMap; in the keys `__` stands for a dot."""
    body = {"metadata": {"name": name}, "data": {key.replace("__", "."): text for key, text in data.items()}}
    place.client.create(paths.core(place.name, "configmaps"), body)


def remove(place: Place, name: str = "table") -> None:
    place.client.delete(paths.core(place.name, "configmaps", name))


def shards(sweep: Sweep) -> list[Object]:
    """Give the ConfigMaps of a sweep's cases that are there."""
    path = paths.core(sweep.place.name, "configmaps")
    return sweep.client.items(path, labelSelector=f"simjob.dev/uid={sweep.uid},app.kubernetes.io/component=cases")


def rows(sweep: Sweep) -> list[Object]:
    """Return the cases as they are stored."""
    listed = sweep.status["caseTable"]["configMaps"]
    found = {item["metadata"]["name"]: item["data"]["cases.jsonl"] for item in shards(sweep)}
    assert sorted(found) == sorted(listed)
    return [json.loads(line) for name in listed for line in found[name].split("\n") if line]


def ran_with(sweep: Sweep) -> dict[int, Object]:
    """Give the parameters that the pods of a sweep ran with, by index."""
    found = (environment(pod) for pod in sweep.pods)
    return {int(each["SIMJOB_CASE_INDEX"]): json.loads(each["SIMJOB_CASE_PARAMETERS"]) for each in found}


def condition(status: Object, kind: str) -> str:
    (found,) = (item["status"] for item in status["conditions"] if item["type"] == kind)
    return str(found)


def logarithm(value: float) -> float:
    return math.log10(value) / 3 * SIZE


def eighths(values: list[float]) -> set[int]:
    return {int(value) for value in values}


@pytest.mark.effect("spec.cases.samples.method", "spec.cases.samples.size", "spec.cases.samples.parameters[].name")
@pytest.mark.effect(
    "spec.cases.samples.parameters[].min",
    "spec.cases.samples.parameters[].max",
    "spec.cases.samples.parameters[].scale",
)
@pytest.mark.parametrize("method", ["Random", "LatinHypercube", "Sobol", "Halton"])
def test_each_design_method_spreads_its_points_over_the_box(place: Place, method: str) -> None:
    sweep = place.apply(cases=samples(method), template=QUICK)
    status = sweep.wait_phase("COMPLETED")
    assert (status["cases"]["total"], status["caseTable"]["indexes"]) == (SIZE, f"0-{SIZE - 1}")
    found = ran_with(sweep)
    assert sorted(found) == list(range(SIZE))
    assert [row["parameters"] for row in rows(sweep)] == [found[index] for index in range(SIZE)]
    widths, numbers = ([point[name] for point in found.values()] for name in ("width", "reynolds"))
    assert all(10 <= width <= 20 for width in widths)
    assert all(1 <= number <= 1000 for number in numbers)
    assert min(numbers) < 100, "half of the points are below the square root of 1000, were they linear none would be"
    if method != "Random":
        assert len(eighths([(width - 10) / 10 * SIZE for width in widths])) == SIZE, "one in each eighth"
    if method in ("LatinHypercube", "Sobol"):
        assert len(eighths([logarithm(number) for number in numbers])) == SIZE, "one in each eighth of the logarithm"


@pytest.mark.effect("spec.cases.samples.seed")
def test_equal_seeds_give_equal_points_and_no_seed_gives_different_ones(place: Place) -> None:
    specs = {"one": {"seed": 7}, "two": {"seed": 7}, "three": {"seed": 8}, "four": {}, "five": {}}
    sweeps = {
        name: place.apply(name, cases=samples("LatinHypercube", **more), parallelism=0) for name, more in specs.items()
    }
    for sweep in sweeps.values():
        sweep.wait(lambda status: "caseTable" in status, "the table")
    points = {name: json.dumps([row["parameters"] for row in rows(sweep)]) for name, sweep in sweeps.items()}
    assert points["one"] == points["two"]
    assert len(set(points.values())) == 4


def test_stored_cases_are_owned_by_the_simulationjob_and_immutable(place: Place) -> None:
    sweep = place.apply(cases=samples("Sobol"), parallelism=0)
    sweep.wait(lambda status: "caseTable" in status, "the table")
    (shard,) = shards(sweep)
    (owner,) = shard["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"], owner["controller"]) == ("SimulationJob", sweep.uid, True)
    path = paths.core(place.name, "configmaps", shard["metadata"]["name"])
    with pytest.raises(RefusedError, match="immutable"):
        sweep.client.patch(path, {"data": {"cases.jsonl": ""}})


@pytest.mark.effect("spec.cases.configMap.name", "spec.cases.configMap.key")
def test_a_csv_or_json_lines_table_is_read_once(place: Place) -> None:
    put(place, cases__csv="\ufeff" + CSV, cases__jsonl=LINES)
    sweeps = [
        place.apply(key.replace(".", "-"), cases=table(key), parallelism=0, template=QUICK)
        for key in ("cases.csv", "cases.jsonl")
    ]
    for sweep in sweeps:
        sweep.wait(lambda status: "caseTable" in status, "the table")
    remove(place)
    for sweep in sweeps:
        sweep.patch(parallelism=2)
        status = sweep.wait_phase("COMPLETED")
        assert (status["progress"], status["caseTable"]["indexes"]) == ("2/2", "0-1")
        assert [ran_with(sweep)[index] for index in (0, 1)] == CSV_VALUES
        assert sorted(environment(pod)["PARAM_REYNOLDS"] for pod in sweep.pods) == ["1", "2.50"]


@pytest.mark.refusal("spec.cases.configMap.name", "spec.cases.configMap.key")
def test_a_missing_table_is_reported_and_waited_for(place: Place) -> None:
    sweep = place.apply(cases=table(), template=QUICK)
    status = sweep.wait(lambda status: status.get("reason") == "CaseSourceNotFound", "the missing ConfigMap")
    assert (status["phase"], status["cases"]["total"]) == ("PENDING", 0)
    assert status["message"] == 'there is no ConfigMap "table" with the cases; they start when it exists'
    put(place, other__csv=CSV, notes="n")
    status = sweep.wait(lambda status: "notes" in status["message"], "the keys that there are")
    missing = 'ConfigMap "table" has no key "cases.csv"; its keys are "notes", "other.csv". '
    assert status["message"] == f"{missing}Add the key; the job then continues"
    assert status["reason"] == "CaseSourceNotFound"
    remove(place)
    put(place, cases__csv=CSV)
    assert sweep.wait_phase("COMPLETED")["progress"] == "2/2"

    def notes() -> list[str]:
        regarding = f"regarding.uid={sweep.uid}"
        return [item["note"] for item in sweep.client.items(paths.events(place.name), fieldSelector=regarding)]

    sweep.wait_until(lambda: any('there is no ConfigMap "table"' in note for note in notes()), "an Event says so")


@pytest.mark.refusal("spec.cases.configMap.key")
@pytest.mark.parametrize(
    ("key", "text", "message"),
    [
        pytest.param(
            "t.csv",
            "a,b\n1,2\n3\n4,5,6\n",
            "line 3: has 1 cell, but the header has 2; line 4: has 3 cells, but the",
            id="rows with too few and too many cells",
        ),
        pytest.param(
            "t.csv",
            "a,A\n1,2\n",
            "line 1: columns 1 and 2, 'a' and 'A', both give",
            id="two names that give the same variable",
        ),
        pytest.param(
            "t.csv", "a\n" + "1\n" * 100_001, "line 100002: there are more than 100000 rows", id="too many rows"
        ),
        pytest.param("t.csv", "a\n", "the table has no rows", id="no rows"),
        pytest.param(
            "t.jsonl",
            '{"a": 1}\n{"a": null}\n',
            "line 2: 'a' must be a text, a number, a boolean, a list or an object",
            id="a value that is null",
        ),
        pytest.param("t.jsonl", "a,b\n1,2\n", "line 1: is not JSON", id="CSV in a file of JSON lines"),
    ],
)
def test_an_unreadable_table_is_reported_by_line_and_waited_for(
    place: Place, key: str, text: str, message: str
) -> None:
    put(place, **{key.replace(".", "__"): text})
    sweep = place.apply(cases=table(key))
    status = sweep.wait(lambda status: status.get("reason") == "CasesUnreadable", "the wrong lines")
    assert (status["phase"], condition(status, "Stalled")) == ("PENDING", "True")
    assert f'key "{key}" of ConfigMap "table" cannot be read: {message}' in status["message"]
    assert (sweep.job_names, shards(sweep)) == ([], [])


def test_a_table_corrected_in_place_lets_the_job_continue(place: Place) -> None:
    put(place, cases__csv="mesh,re\ncoarse\n")
    sweep, cancelled = place.apply("corrected", cases=table(), template=QUICK), place.apply("given-up", cases=table())
    for each in (sweep, cancelled):
        each.wait(lambda status: status.get("reason") == "CasesUnreadable", "the wrong lines")
    cancelled.cancel()
    assert cancelled.wait_phase("CANCELLED")["cases"]["total"] == 0
    path = paths.core(place.name, "configmaps", "table")
    place.client.patch(path, {"data": {"cases.csv": "mesh,re\ncoarse,1\nfine,2\n"}})
    status = sweep.wait_phase("COMPLETED")
    assert (status["progress"], condition(status, "Stalled")) == ("2/2", "False")
    assert ran_with(sweep)[1] == {"mesh": "fine", "re": 2}


@pytest.mark.effect("spec.cases.configMap.key")
def test_tables_as_programs_write_them_run_and_status_shows_how_they_were_read(place: Place, tmp_path: Path) -> None:
    text = {"savetxt.csv": "# mesh re\n1.50e+00 1e5\n", "german.csv": "Netz;Winkel [°]\r\ngrob;2,50\r\n;\r\n"}
    columns = "'coarse' AS mesh, 0.1::FLOAT AS \"tol (mm)\", 1.10::DECIMAL(3, 2) AS version"
    duckdb.sql(f"COPY (SELECT {columns}) TO '{tmp_path / 't.parquet'}' (FORMAT parquet)")
    parquet = (tmp_path / "t.parquet").read_bytes()
    binary = {"unicode.txt": "\ufeffmesh\tre\r\nüber\t1\r\n".encode("utf-16-le"), "t.parquet": parquet}
    body = {"data": text, "binaryData": {key: b64encode(data).decode() for key, data in binary.items()}}
    place.client.create(paths.core(place.name, "configmaps"), {"metadata": {"name": "table"}, **body})
    sweeps = {key: place.apply(key.replace(".", "-"), cases=table(key), template=QUICK) for key in (*text, *binary)}
    read = {key: sweep.wait_phase("COMPLETED")["caseTable"] for key, sweep in sweeps.items()}
    assert {key: found["format"] for key, found in read.items()} == {
        "savetxt.csv": "CSV, separated by blanks",
        "german.csv": "CSV, separated by semicolons, with decimal commas",
        "unicode.txt": "CSV, separated by tabs",
        "t.parquet": "Parquet",
    }
    assert {key: found.get("columns") for key, found in read.items()} == {
        "savetxt.csv": None,
        "german.csv": [{"name": "Winkel [°]", "parameter": "Winkel"}],
        "unicode.txt": None,
        "t.parquet": [{"name": "tol (mm)", "parameter": "tol_mm"}],
    }
    assert {key: parameters(sweep) for key, sweep in sweeps.items()} == {
        "savetxt.csv": {"PARAM_MESH": "1.50e+00", "PARAM_RE": "1e5"},
        "german.csv": {"PARAM_NETZ": "grob", "PARAM_WINKEL": "2.50"},
        "unicode.txt": {"PARAM_MESH": "über", "PARAM_RE": "1"},
        "t.parquet": {"PARAM_MESH": "coarse", "PARAM_TOL_MM": "0.1", "PARAM_VERSION": "1.10"},
    }


def parameters(sweep: Sweep) -> dict[str, str]:
    """Give the variables of parameters in the only pod of a sweep."""
    (pod,) = sweep.pods
    return {name: value for name, value in environment(pod).items() if name.startswith("PARAM_")}


@pytest.mark.effect("spec.subset")
@pytest.mark.parametrize("source", ["count", "samples", "configMap"])
def test_only_the_cases_of_a_subset_run_and_are_counted(place: Place, source: str) -> None:
    put(place, cases__csv="a\n" + "".join(f"{number}\n" for number in range(SIZE)))
    cases = {"count": {"count": SIZE}, "samples": samples("Halton"), "configMap": table()}[source]
    sweep = place.apply(cases=cases, subset="6-7,1", template=QUICK)
    status = sweep.wait_phase("COMPLETED")
    assert (status["cases"]["total"], status["progress"], status["succeededIndexes"]) == (3, "3/3", "1,6-7")
    assert sorted(ran_with(sweep)) == [1, 6, 7]


@pytest.mark.refusal("spec.subset")
@pytest.mark.parametrize("source", ["count", "configMap"])
def test_a_subset_with_an_unknown_index_is_reported(place: Place, source: str) -> None:
    put(place, cases__csv="a\n1\n2\n")
    sweep = place.apply(cases={"count": {"count": 2}, "configMap": table()}[source], subset="0-1,4")
    status = sweep.wait_phase("FAILED")
    assert (status["errorCode"], status["reason"]) == ("INVALID_SPEC", "InvalidSpec")
    assert status["message"] == "`subset` names case 4, but there are 2 cases, numbered from 0"
    assert sweep.job_names == []


def test_five_thousand_rows_are_stored_in_several_configmaps(place: Place) -> None:
    put(place, cases__csv=WIDE)
    sweep = place.apply(cases=table(), template=QUICK, subset="0,2500,4999")
    sweep.wait_phase("COMPLETED")
    found = shards(sweep)
    assert len(found) >= 3
    assert all(len(item["data"]["cases.jsonl"].encode()) < 900 * 1024 for item in found)
    assert [row["index"] for row in rows(sweep)] == list(range(5_000))
    assert sorted(ran_with(sweep)) == [0, 2500, 4999]
    assert {len(values) for values in ran_with(sweep).values()} == {10}


def test_a_deleted_configmap_of_cases_is_named_while_other_cases_run(place: Place) -> None:
    put(place, cases__csv=WIDE)
    sweep = place.apply(cases=table(), template=QUICK, subset="0,4999", parallelism=0)
    names = sweep.wait(lambda status: "caseTable" in status, "the table")["caseTable"]["configMaps"]
    path = paths.core(place.name, "configmaps", names[-1])
    kept = place.client.get(path)
    place.client.delete(path)
    sweep.patch(parallelism=2)
    status = sweep.wait(lambda status: status.get("reason") == "CaseTableRefused", "the missing ConfigMap")
    assert status["message"].startswith(f'case 4999 cannot start: ConfigMap "{names[-1]}": it was deleted')
    sweep.wait(lambda status: status.get("succeededIndexes") == "0", "the end of the other case")
    for written_by_server in ("uid", "resourceVersion", "creationTimestamp", "managedFields"):
        kept["metadata"].pop(written_by_server, None)
    place.client.create(paths.core(place.name, "configmaps"), kept)
    assert sweep.wait_phase("COMPLETED")["succeededIndexes"] == "0,4999"


def test_storing_cases_continues_after_a_crash_of_the_operator(place: Place, operator: OperatorProcess) -> None:
    # 40 ConfigMaps. However fast the operator is and however slow this test: the quota keeps it in the middle.
    few = quota(place.client, place.name, {"count/configmaps": "8"})
    header = ",".join(f"{'p' * 58}{number}" for number in range(64))
    put(place, cases__csv=header + "\n" + (",".join(["1"] * 64) + "\n") * 8_000)
    sweep = place.apply(cases=table(), template=QUICK, parallelism=0)
    sweep.wait(lambda status: status.get("reason") == "CaseTableRefused", "the quota")
    operator.kill()
    before = {item["metadata"]["name"]: item["metadata"]["uid"] for item in shards(sweep)}
    assert before
    assert "caseTable" not in sweep.status
    place.client.delete(few)
    operator.start()
    status = sweep.wait(lambda status: "caseTable" in status, "the table")
    after = {item["metadata"]["name"]: item["metadata"]["uid"] for item in shards(sweep)}
    assert sorted(after) == sorted(status["caseTable"]["configMaps"])
    assert before.items() <= after.items(), "what was written is taken as it is"
    assert status["caseTable"]["indexes"] == "0-7999"


def test_a_cancel_before_the_cases_are_known_creates_no_job(place: Place) -> None:
    made = place.apply("made", cases=table(), cancel=True)
    assert made.wait_phase("CANCELLED")["cases"]["total"] == 0
    drawn = place.apply("drawn", cases=samples("Random"), cancel=True)
    assert drawn.wait_phase("CANCELLED")["cases"]["cancelled"] == SIZE
    waiting = place.apply("waiting", cases=table())
    waiting.wait(lambda status: status.get("reason") == "CaseSourceNotFound", "the missing ConfigMap")
    waiting.cancel()
    waiting.wait_phase("CANCELLED")
    assert [sweep.job_names for sweep in (made, drawn, waiting)] == [[], [], []]


def test_a_suspended_job_stores_its_cases_and_starts_none(place: Place) -> None:
    sweep = place.apply(cases=samples("Random"), suspend=True, template=QUICK)
    assert sweep.wait_phase("SUSPENDED")["cases"]["pending"] == SIZE
    assert len(rows(sweep)) == SIZE
    sweep.patch(suspend=False)
    assert sweep.wait_phase("COMPLETED")["progress"] == f"{SIZE}/{SIZE}"
