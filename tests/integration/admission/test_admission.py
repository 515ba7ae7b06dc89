"""Who may submit, who may cancel, and what users may change who may only cancel."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from cluster.provider import Cluster
from integration.admission.components import BASE_POLICIES
from integration.admission.people import FLUX, NAMESPACE, Person, bind, make_role, manifest, patching
from integration.support import client as paths
from integration.support.client import Client
from integration.support.operator_process import OperatorProcess
from integration.support.sweeps import eventually

pytestmark = pytest.mark.integration

SAMPLES = Path(__file__).parents[3] / "manifests/samples"
NEEDS_CANCEL = (
    "needs the verb 'cancel' on simulationjobs.simjob.dev in namespace admission, as the ClusterRole simjob-canceller "
    "has it"
)
MAY_NOT_CANCEL = f"pat may not set spec.cancel, which {NEEDS_CANCEL}"
MAY_NOT_CANCEL_CASES = f"pat may not add to spec.cancelCases, which {NEEDS_CANCEL}"
ONLY_CANCELS = (
    "carl may change nothing of it but spec.cancel, spec.cancelReason and spec.cancelCases: all else needs the verb "
    "'update' on simulationjobs.simjob.dev in namespace admission, as the ClusterRole simjob-editor has it"
)


def test_submitting_requires_permission_to_create_jobs(people: dict[str, Person], client: Client) -> None:
    assert people["ed"].refusal("create", "-f", "-", stdin=manifest("mine")) == (
        "ed may not create Jobs in namespace admission, and a SimulationJob runs Jobs: ask for the verb 'create' on "
        "jobs.batch there, as the ClusterRole edit has it"
    )
    binding = bind(client, "ed", "job-creator")
    people["ed"].wait_until_may("create", "jobs.batch")
    assert people["ed"].create("mine", None, "--dry-run=server")["metadata"]["name"] == "mine"
    client.delete(binding)


def test_creating_a_cancelled_job_requires_the_cancel_verb(people: dict[str, Person]) -> None:
    for spec, words in (({"cancel": True}, MAY_NOT_CANCEL), ({"cancelCases": "0"}, MAY_NOT_CANCEL_CASES)):
        assert people["pat"].refusal("create", "-f", "-", stdin=manifest("cancelled", **spec)) == words
        assert people["anna"].create("cancelled", None, "--dry-run=server", **spec)["spec"].items() >= spec.items()
    generated = {**manifest(""), "metadata": {"generateName": "cancelled-"}}
    generated["spec"]["cancel"] = True
    assert people["pat"].refusal("create", "-f", "-", stdin=generated) == MAY_NOT_CANCEL


def test_cancelling_requires_the_cancel_verb(people: dict[str, Person], job: str) -> None:
    assert not people["pat"].may("cancel", f"simjob/{job}")
    assert people["pat"].refusal_of_patch(job, cancel=True) == MAY_NOT_CANCEL
    assert people["carl"].may("cancel", f"simjob/{job}")
    assert people["carl"].patch(job, cancel=True, cancelReason="wrong mesh")["spec"]["cancel"] is True


def test_the_cancel_verb_can_be_granted_for_one_job(people: dict[str, Person], client: Client, job: str) -> None:
    people["anna"].create("other")
    rule = {"apiGroups": ["simjob.dev"], "resources": ["simulationjobs"]}
    rules = [{**rule, "verbs": ["get", "patch"]}, {**rule, "verbs": ["cancel"], "resourceNames": [job]}]
    make_role(client, "canceller-of-one", rules)
    binding = bind(client, "vera", "canceller-of-one")
    vera = people["vera"]
    vera.wait_until_may("cancel", f"simjob/{job}")
    assert not vera.may("cancel", "simjob/other")
    assert vera.refusal_of_patch("other", cancel=True) == MAY_NOT_CANCEL.replace("pat", "vera")
    assert vera.patch(job, cancel=True)["spec"]["cancel"] is True
    client.delete(binding)


@pytest.mark.parametrize(
    "change", [{"cancel": False}, {"cancelReason": "perhaps"}, {"parallelism": 3, "suspend": True}]
)
def test_other_changes_do_not_require_the_cancel_verb(
    people: dict[str, Person], job: str, change: dict[str, Any]
) -> None:
    assert people["pat"].patch(job, **change)["spec"].items() >= change.items()


def test_only_setting_a_cancel_again_requires_the_cancel_verb(people: dict[str, Person], job: str) -> None:
    people["carl"].patch(job, cancel=True, cancelCases="1")
    assert people["pat"].patch(job, cancel=True, title="Wing")["spec"]["title"] == "Wing"
    assert not {"cancel", "cancelCases"} & people["pat"].patch(job, cancel=None, cancelCases=None)["spec"].keys()
    assert people["pat"].refusal_of_patch(job, cancel=True) == MAY_NOT_CANCEL


def test_an_apply_without_the_cancel_does_not_require_the_cancel_verb(people: dict[str, Person]) -> None:
    apply = ("apply", "-f", "-", "-o", "json")
    people["anna"].kubectl(*apply, stdin=manifest("applied", cancel=True))
    assert "cancel" not in json.loads(people["pat"].kubectl(*apply, stdin=manifest("applied")))["spec"]
    assert people["pat"].refusal(*apply, stdin=manifest("applied", cancel=True)) == MAY_NOT_CANCEL


@pytest.mark.parametrize(
    ("before", "after", "adds"),
    [
        pytest.param(None, "3", True, id="the first case is cancelled"),
        pytest.param("3", "3", False, id="the list stays the same"),
        pytest.param("3", "3,5", True, id="a case is added"),
        pytest.param("3-5,9", "9", False, id="a range is removed"),
        pytest.param("3-5,9", "3-5", False, id="a single case is removed"),
        pytest.param("3-5,9", "4,5", False, id="a range becomes shorter at both ends"),
        pytest.param("3-5,9", "4-6", True, id="a range moves by one"),
        pytest.param("3-5,9", "2-5,9", True, id="a range gets one more at its start"),
        pytest.param("3-5,9", "3-9", True, id="two ranges become one"),
        pytest.param("3", "30", True, id="another number with the same first digit"),
        pytest.param(
            ",".join(map(str, range(100, 600, 2))),
            ",".join(map(str, range(104, 600, 2))),
            False,
            id="a long list becomes shorter",
        ),
    ],
)
def test_only_adding_cancelled_cases_requires_the_cancel_verb(
    people: dict[str, Person], job: str, before: str | None, after: str, adds: bool
) -> None:
    people["carl"].patch(job, cancelCases=before)
    if adds:
        assert people["pat"].refusal_of_patch(job, cancelCases=after) == MAY_NOT_CANCEL_CASES
    assert people["carl" if adds else "pat"].patch(job, cancelCases=after)["spec"]["cancelCases"] == after


def test_the_cancel_annotation_requires_the_cancel_verb(people: dict[str, Person], job: str) -> None:
    annotate = ("annotate", "simjob", job, "simjob.dev/cancel-requested-by=pat")
    assert people["pat"].refusal(*annotate) == MAY_NOT_CANCEL


@pytest.mark.parametrize(
    ("arguments", "who"),
    [
        pytest.param(
            ("annotate", "simjob", "job", "simjob.dev/cancel-requested-by=alice@example.org"),
            "annotation simjob.dev/cancel-requested-by: alice@example.org",
            id="an annotation that names a user",
        ),
        pytest.param(
            (*patching("job", {"spec": {"cancel": True}}), "--field-manager=alice@example.org"),
            "field manager alice@example.org",
            id="a field manager that names a user",
        ),
    ],
)
def test_a_name_that_anyone_can_write_is_not_shown_as_a_user(
    people: dict[str, Person], client: Client, operator: OperatorProcess, job: str, arguments: tuple[str, ...], who: str
) -> None:
    assert operator.is_running
    people["anna"].kubectl(*arguments)
    path = paths.simulationjobs(NAMESPACE, job)
    eventually(lambda: "cancellation" in client.get(path).get("status", {}), lambda: "until it is latched")
    assert client.get(path)["status"]["cancellation"]["requestedBy"] == who


@pytest.mark.parametrize(
    "change",
    [
        {"spec": {"parallelism": 3}},
        {"spec": {"suspend": True}},
        {"spec": {"title": "Wing"}},
        {"spec": {"cancel": True, "parallelism": 3}},
        {"spec": {"ttlSecondsAfterFinished": 0}},
        {"metadata": {"labels": {"a": "b"}}},
        {"metadata": {"annotations": {"a": "b"}}},
        {"metadata": {"finalizers": ["example.org/stay"]}},
        {"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "a", "uid": "b"}]}},
    ],
    ids=json.dumps,
)
def test_a_canceller_can_change_nothing_but_the_cancel(
    people: dict[str, Person], job: str, change: dict[str, Any]
) -> None:
    assert people["carl"].refusal(*patching(job, change)) == ONLY_CANCELS
    assert people["anna"].kubectl(*patching(job, change), "--dry-run=server")


def test_removing_a_field_counts_as_a_change(people: dict[str, Person], job: str) -> None:
    people["anna"].patch(job, title="Wing")
    assert people["carl"].refusal_of_patch(job, title=None) == ONLY_CANCELS


@pytest.mark.parametrize(
    "change", [{"cancel": True, "cancelReason": "wrong mesh"}, {"cancelCases": "0-1"}, {"cancelReason": "a typo"}]
)
def test_a_canceller_can_cancel(people: dict[str, Person], job: str, change: dict[str, Any]) -> None:
    assert people["carl"].patch(job, **change)["spec"].items() >= change.items()


def test_a_canceller_can_cancel_by_server_side_apply(people: dict[str, Person], job: str) -> None:
    wish = {**manifest(job), "spec": {"cancel": True}}
    people["carl"].kubectl("apply", "--server-side", "--field-manager=portal", "-f", "-", stdin=wish)
    assert people["vera"].kubectl("get", "simjob", job, "-o", "jsonpath={.spec.cancel}") == "true"


@pytest.mark.parametrize("cascade", ["background", "foreground", "orphan"])
def test_the_garbage_collector_is_not_blocked(people: dict[str, Person], cascade: str) -> None:
    people["anna"].create("gone", cancel=True, cancelCases="1")
    people["anna"].kubectl("delete", "simjob", "gone", f"--cascade={cascade}", "--timeout=30s")
    assert not people["anna"].kubectl("get", "simjob", "gone", "--ignore-not-found")


YAML = """
apiVersion: simjob.dev/v1beta1
kind: SimulationJob
metadata: {name: coordinates}
spec:
  cases: {%s}
  template: {spec: {containers: [{name: simulation, image: i}]}}
"""


@pytest.mark.parametrize("key", ["y", "n", "yes", "no", "on", "off", "Y", "NO", "true"])
def test_a_parameter_that_yaml_reads_as_a_boolean_is_refused_at_apply(people: dict[str, Person], key: str) -> None:
    cases = "list: [{name: a}, {name: b, parameters: {x: 1, %s: 2}}]"
    assert people["anna"].refusal("create", "-f", "-", stdin=YAML % (cases % key)) == (
        "case 'b' has a parameter named 'true' or 'false': YAML reads y, n, yes, no, on and off as true and false: "
        "quote y, n, yes, no, on and off"
    )


@pytest.mark.parametrize("key", ["y", "n", "yes", "no", "on", "off"])
def test_a_quoted_key_is_the_parameters_name(people: dict[str, Person], key: str) -> None:
    cases = f'list: [{{name: b, parameters: {{x: 1, "{key}": 2}}}}]'
    answer = people["anna"].kubectl("create", "-f", "-", "--dry-run=server", "-o", "json", stdin=YAML % cases)
    assert json.loads(answer)["spec"]["cases"]["list"][0]["parameters"] == {"x": 1, key: 2}


@pytest.mark.parametrize(
    ("how", "kept"),
    [
        pytest.param(["create"], {"a": None}, id="create"),
        pytest.param(["apply", "--server-side"], {"a": None}, id="server-side apply"),
        pytest.param(["apply"], {}, id="client-side apply"),
    ],
)
def test_kubectl_apply_drops_a_null_within_an_object(people: dict[str, Person], how: list[str], kept: Any) -> None:
    # Seen nowhere else; so docs/install.md says it, and the operator cannot.
    cases = "list: [{name: b, parameters: {at: {a: null}}}]"
    answer = people["anna"].kubectl(*how, "-f", "-", "--dry-run=server", "-o", "json", stdin=YAML % cases)
    assert json.loads(answer)["spec"]["cases"]["list"][0]["parameters"] == {"at": kept}


def test_kubectl_and_the_api_server_round_an_integer_beyond_64_bits(people: dict[str, Person]) -> None:
    cases = "matrix: [{name: seed, values: [18446744073709551615, 9223372036854775807, 1e20, 6.02214076e23]}]"
    answer = people["anna"].kubectl("create", "-f", "-", "--dry-run=server", "-o", "json", stdin=YAML % cases)
    for written in ("18446744073709552000,", "9223372036854775807,", "100000000000000000000,", "6.02214076e+23"):
        assert written in answer


def test_the_policy_can_evaluate_the_largest_list_of_cases(people: dict[str, Person]) -> None:
    parameters = {f"p{number}": number for number in range(64)}
    cases = {"list": [{"name": f"c{number}", "parameters": parameters} for number in range(2000)]}
    assert people["anna"].create("large", None, "--dry-run=server", cases=cases)["metadata"]["name"] == "large"


@pytest.mark.parametrize("name", ["anna", FLUX])
def test_every_sample_is_accepted_without_a_warning(people: dict[str, Person], name: str) -> None:
    options = ("--dry-run=server", "--warnings-as-errors")
    answer = people[name].kubectl("apply", *options, "-f", str(SAMPLES))
    documents = [document for file in SAMPLES.glob("*.yaml") for document in yaml.safe_load_all(file.read_text())]
    assert len(answer.splitlines()) == len(documents)


def test_the_policies_pass_the_type_checker(kwok_cluster: Cluster) -> None:
    def checks() -> dict[str, Any]:
        found = yaml.safe_load(kwok_cluster.run_kubectl("get", "validatingadmissionpolicies", "-o", "yaml"))["items"]
        return {item["metadata"]["name"]: item.get("status", {}).get("typeChecking") for item in found}

    eventually(lambda: None not in checks().values(), lambda: f"not all is checked: {checks()}")
    assert checks() == {name: {} for name in BASE_POLICIES}
