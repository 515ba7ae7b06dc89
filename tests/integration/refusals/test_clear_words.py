"""Mistakes of a user, and what a node waits for, are reported with what to do. Cases that must fail do not start."""

from datetime import UTC, datetime
from typing import Any

import pytest
from contract.worlds import kubelet_event
from integration.support import client as paths
from integration.support.sweeps import HELD, Place, a_template

pytestmark = pytest.mark.integration

MISSING = 'MountVolume.SetUp failed for volume "licence" : secret "solver-licence" not found'


def test_a_reference_to_no_parameter_is_refused_before_anything_starts(place: Place) -> None:
    template = a_template(run=1)
    template["spec"]["containers"][0]["args"] = ["--mesh", "$(PARAM_MEHS)"]
    sweep = place.apply(cases={"matrix": [{"name": "mesh", "values": ["coarse", "fine"]}]}, template=template)
    status = sweep.wait_phase("FAILED")
    assert (status["errorCode"], status["reason"]) == ("INVALID_SPEC", "InvalidSpec")
    assert status["message"] == (
        "`spec.template.spec.containers[0].args[1]` refers to $(PARAM_MEHS), but no case has such a parameter: "
        "did you mean $(PARAM_MESH)?"
    )
    assert not sweep.job_names


def test_a_reference_to_no_column_of_a_table_is_refused(place: Place) -> None:
    table = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "table"}, "data": {"t.csv": "mesh\n1\n2\n"}}
    place.client.create(paths.core(place.name, "configmaps"), table)
    template = a_template(run=1)
    template["spec"]["containers"][0]["args"] = ["$(PARAM_RE)"]
    sweep = place.apply(cases={"configMap": {"name": "table", "key": "t.csv"}}, template=template)
    status = sweep.wait_phase("FAILED")
    assert status["reason"] == "InvalidSpec"
    assert status["message"].endswith("but no case has such a parameter: the parameters are PARAM_MESH")
    assert not sweep.job_names


def test_a_case_whose_parameters_exceed_the_linux_limit_is_named(place: Place) -> None:
    long = {f"p{number}": "网格" * 512 for number in range(64)}
    sweep = place.apply(cases={"list": [{"name": "short"}, {"name": "long", "parameters": long}]})
    status = sweep.wait_phase("FAILED")
    assert status["reason"] == "InvalidSpec"
    assert status["message"].startswith('case 1 "long": environment variable SIMJOB_CASE_PARAMETERS would have 197')
    assert not sweep.job_names


def test_status_quotes_the_kubelet_about_a_pod_that_does_not_start(place: Place) -> None:
    sweep = place.apply(cases={"count": 2}, template=a_template(start=HELD, run=1))
    sweep.wait(lambda status: status.get("cases", {}).get("assigned") == 2, "the pods have a node")
    for pod in sweep.pods:
        meta = pod["metadata"]
        about = {"apiVersion": "v1", "kind": "Pod", "namespace": place.name, "name": meta["name"], "uid": meta["uid"]}
        event = kubelet_event(about, "FailedMount", MISSING, datetime.now(UTC))
        place.client.create(paths.core(place.name, "events"), event)
    status = sweep.wait(lambda status: status.get("reason") == "ContainerCannotStart", "the words")
    # The Events of the pod that has had its node for longer are read first.
    assert status["message"] in [f"case {index} cannot start: FailedMount: {MISSING}" for index in (0, 1)]
    sweep.let_start()
    assert sweep.wait_phase("COMPLETED")["cases"]["succeeded"] == 2


@pytest.mark.parametrize(
    ("cases", "words"),
    [
        pytest.param(
            {"matrix": [{"name": "seed", "values": [2**63 - 1, "18446744073709551615", 2**64 - 1]}]},
            "`spec.cases.matrix[0].values[2]` is 18446744073709552000, a number beyond 64 bits, which may be rounded: "
            "write it as a text, in quotes",
            id="a seed beyond 64 bits",
        ),
        pytest.param(
            {"list": [{"name": "a", "parameters": {"at": {"x": 1, "true": 2}}}]},
            "case 0 \"a\": parameter 'at' has the key 'true': YAML reads y, n, yes, no, on and off as true and false: "
            "quote y, n, yes, no, on and off",
            id="a key that YAML read as a boolean",
        ),
        pytest.param(
            {"matrix": [{"name": "inlet", "values": [[1.0, 0.0], ["x" * 1021]]}]},
            "spec.cases.matrix[0].values[1]: is a list of 1025 bytes as JSON, and must have at most 1024: put it into "
            "a file, and give the file's name",
            id="a list that is too large",
        ),
    ],
)
def test_a_value_that_would_change_on_its_way_is_refused_with_the_remedy(
    place: Place, cases: dict[str, Any], words: str
) -> None:
    sweep = place.apply(cases=cases)
    status = sweep.wait_phase("FAILED")
    assert status["reason"] == "InvalidSpec"
    assert words in status["message"]
    assert not sweep.job_names
