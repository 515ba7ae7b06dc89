"""The API server records who submitted and who cancelled, and nobody else can write it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from cluster.provider import Cluster
from integration.admission.components import PROBE, attributed, install_attribution
from integration.admission.people import FLUX, NAMESPACE, Person, RefusedError, manifest, patching
from integration.support import client as paths
from integration.support import latecancel, needs
from integration.support.client import Client, Object
from integration.support.latecancel import Answer
from integration.support.operator_process import OperatorProcess
from integration.support.sweeps import Place, Sweep, a_template, eventually

pytestmark = pytest.mark.integration

SUBMITTED = "simjob.dev/submitted-by"
CANCELLED = "simjob.dev/cancel-requested-by"
NOT_SUBMITTED = (
    "the annotation simjob.dev/submitted-by may not be written by hand: the API server writes it when the "
    "SimulationJob is created"
)
NOT_CANCELLED = (
    "the annotation simjob.dev/cancel-requested-by may not be written by hand: set spec.cancel, and the API server "
    "writes it"
)
FORGED = {SUBMITTED: "eve", CANCELLED: "eve"}
# A policy of somebody else, before ours or after it, that writes the annotation on what has its label.
_KIND = "MutatingAdmissionPolicy"
_RULE = {"apiGroups": ["simjob.dev"], "apiVersions": ["*"], "resources": ["simulationjobs"]}
_FORGES = "[JSONPatch{op: 'add', path: '/metadata/annotations/simjob.dev~1submitted-by', value: 'eve'}]"
FORGER: list[Object] = [
    {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": "zz-forger"},
        "spec": spec,
    }
    for kind, spec in (
        (
            _KIND,
            {
                "reinvocationPolicy": "Never",
                "matchConstraints": {"resourceRules": [{**_RULE, "operations": ["CREATE", "UPDATE"]}]},
                "matchConditions": [{"name": "its", "expression": "'forged' in object.metadata.?labels.orValue({})"}],
                "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": _FORGES}}],
            },
        ),
        (f"{_KIND}Binding", {"policyName": "zz-forger"}),
    )
]


@pytest.fixture(scope="module", autouse=True)
def _components(
    kwok_cluster: Cluster, client: Client, people: dict[str, Person], operator_of_module: OperatorProcess
) -> Iterator[None]:
    needs.mutating_policies(client)
    operator_of_module.configure(SIMJOB_ATTRIBUTION="true")
    with attributed(kwok_cluster, people):
        yield


@pytest.fixture
def place(client: Client, operator: OperatorProcess) -> Iterator[Place]:
    """The namespace of these people with the operator at work; in the end what it did there was lawful."""
    found = Place(client, NAMESPACE, operator.tail)
    yield found
    try:
        assert not found.violations()
    finally:
        for watcher in (found.sweeps, found.jobs, found.pods):
            watcher.stop()


def submit(place: Place, who: Person, name: str, run: float | None = None) -> Sweep:
    made = who.create(name, template=a_template(run=run))
    return Sweep(place, name, made["metadata"]["uid"])


def recorded(job: Object) -> dict[str, str]:
    """Give what is recorded of the people."""
    annotations = job["metadata"].get("annotations", {})
    return {key: annotations[key] for key in (SUBMITTED, CANCELLED) if key in annotations}


def _refuses(who: Person, arguments: tuple[str, ...], stdin: Object | None = None) -> bool:
    try:
        who.kubectl(*arguments, stdin=stdin)
    except RefusedError:
        return True
    return False


def stored(people: dict[str, Person], name: str) -> dict[str, str]:
    return recorded(json.loads(people["vera"].kubectl("get", "simjob", name, "-o", "json")))


@pytest.mark.parametrize("name", ["anna", FLUX])
def test_the_submitting_user_is_recorded(people: dict[str, Person], name: str) -> None:
    assert recorded(people[name].create("one", None, "--dry-run=server")) == {SUBMITTED: name}
    cancelled = people[name].create("one", None, "--dry-run=server", cancel=True)
    assert recorded(cancelled) == {SUBMITTED: name, CANCELLED: name}


def test_the_cancelling_user_is_recorded_in_the_same_write(people: dict[str, Person], job: str) -> None:
    assert recorded(people["carl"].patch(job, cancel=True)) == {SUBMITTED: "anna", CANCELLED: "carl"}


def test_the_first_cancelling_user_is_kept(people: dict[str, Person], job: str) -> None:
    people["carl"].patch(job, cancel=True)
    for cancel in (None, True, False, True):
        assert recorded(people[FLUX].patch(job, cancel=cancel)) == {SUBMITTED: "anna", CANCELLED: "carl"}


@pytest.mark.parametrize(
    "change", [{"cancel": False}, {"cancelCases": "1"}, {"cancelReason": "perhaps"}, {"parallelism": 3}], ids=json.dumps
)
def test_a_change_without_a_cancel_records_no_user(people: dict[str, Person], job: str, change: dict[str, Any]) -> None:
    assert recorded(people[FLUX].patch(job, **change)) == {SUBMITTED: "anna"}


@pytest.mark.parametrize("command", [("create",), ("apply",), ("apply", "--server-side")], ids=" ".join)
@pytest.mark.parametrize("spec", [{}, {"cancel": True}], ids=json.dumps)
def test_a_manifest_cannot_forge_the_submitting_user(
    people: dict[str, Person], client: Client, command: tuple[str, ...], spec: dict[str, Any]
) -> None:
    people["anna"].kubectl(*command, "-f", "-", stdin=manifest("copy", {"annotations": FORGED}, **spec))
    assert stored(people, "copy") == {SUBMITTED: "anna"} | ({CANCELLED: "anna"} if spec else {})
    client.delete(paths.simulationjobs(NAMESPACE, "copy"))


@pytest.mark.parametrize(
    ("key", "words"),
    [
        pytest.param(SUBMITTED, NOT_SUBMITTED, id="the user who submitted"),
        pytest.param(CANCELLED, NOT_CANCELLED, id="the user who cancelled"),
    ],
)
@pytest.mark.parametrize("cancelled", [False, True])
@pytest.mark.parametrize("value", ["eve", "pat", ""])
def test_a_user_name_written_by_hand_is_refused(
    people: dict[str, Person], job: str, key: str, words: str, cancelled: bool, value: str
) -> None:
    if cancelled:
        people["carl"].patch(job, cancel=True)
    before = stored(people, job)
    # pat may not cancel; of the annotation on a job that nobody has cancelled, that may be said first.
    assert people["anna"].refusal("annotate", "--overwrite", "simjob", job, f"{key}={value}") == words
    change = {"metadata": {"annotations": {key: value}}}
    assert people["pat"].refusal(*patching(job, change)).startswith(("the annotation", "pat may not set spec.cancel"))
    assert stored(people, job) == before


def test_a_canceller_cannot_use_another_users_name(people: dict[str, Person], job: str) -> None:
    def signed(name: str) -> tuple[str, ...]:
        return patching(job, {"spec": {"cancel": True}, "metadata": {"annotations": {CANCELLED: name}}})

    assert people["carl"].refusal(*signed("eve")) == NOT_CANCELLED
    assert people["carl"].kubectl(*signed("carl"))
    assert stored(people, job) == {SUBMITTED: "anna", CANCELLED: "carl"}


@pytest.mark.parametrize("subresource", ["status", "scale"])
@pytest.mark.parametrize("forged", [FORGED, None])
def test_a_subresource_does_not_bypass_the_policy(
    kwok_cluster: Cluster, people: dict[str, Person], job: str, subresource: str, forged: dict[str, str] | None
) -> None:
    people["carl"].patch(job, cancel=True)
    change = patching(job, {"metadata": {"annotations": forged}, "spec": {"replicas": 3}})
    options = (f"--namespace={NAMESPACE}", f"--subresource={subresource}", "--as=admin", "--as-group=system:masters")
    kwok_cluster.run_kubectl(*change, *options)
    assert stored(people, job) == {SUBMITTED: "anna", CANCELLED: "carl"}


def test_a_removed_user_name_is_restored(people: dict[str, Person], job: str) -> None:
    people["carl"].patch(job, cancel=True)
    before = stored(people, job)
    people["anna"].kubectl("annotate", "simjob", job, f"{SUBMITTED}-", f"{CANCELLED}-")
    assert stored(people, job) == before
    people["anna"].kubectl(*patching(job, {"metadata": {"annotations": None}}))
    assert stored(people, job) == before
    people["anna"].kubectl("replace", "-f", "-", stdin=manifest(job))
    assert stored(people, job) == before


@pytest.mark.parametrize(
    "options",
    [pytest.param((), id="client-side"), pytest.param(("--server-side", "--force-conflicts"), id="server-side")],
)
def test_an_exported_manifest_can_be_applied_again_and_again(
    people: dict[str, Person], client: Client, job: str, options: tuple[str, ...]
) -> None:
    """As it was exported from a job that carl cancelled, under another name, by somebody else, without the cancel."""
    people["carl"].patch(job, cancel=True)
    exported = manifest("copy", {"annotations": stored(people, job)})
    apply = ("apply", "--warnings-as-errors", "-f", "-", *options)
    people[FLUX].kubectl(*apply, stdin=exported)
    for name in (FLUX, "anna"):
        exported["spec"]["title"] = f"Again, by {name}"
        people[name].kubectl(*apply, stdin=exported)
        assert client.get(paths.simulationjobs(NAMESPACE, "copy"))["spec"]["title"] == f"Again, by {name}"
        assert stored(people, "copy") == {SUBMITTED: FLUX}
    people["carl"].patch("copy", cancel=True)
    people["anna"].kubectl(*apply, stdin=exported)
    assert stored(people, "copy") == {SUBMITTED: FLUX, CANCELLED: "carl"}
    client.delete(paths.simulationjobs(NAMESPACE, "copy"))


def test_a_manifest_without_user_names_is_applied_without_drift(people: dict[str, Person], client: Client) -> None:
    apply = ("apply", "--server-side", "--field-manager=kustomize-controller", "-f", "-")
    people[FLUX].kubectl(*apply, stdin=manifest("git"))
    people["carl"].patch("git", cancel=True)
    before = client.get(paths.simulationjobs(NAMESPACE, "git"))["metadata"]
    people[FLUX].kubectl(*apply, stdin=manifest("git"))
    after = client.get(paths.simulationjobs(NAMESPACE, "git"))["metadata"]
    assert after["resourceVersion"] == before["resourceVersion"]


def test_a_job_older_than_the_policy_has_no_submitter_and_can_be_cancelled(people: dict[str, Person]) -> None:
    assert stored(people, PROBE) == {}
    assert people["anna"].refusal("annotate", "simjob", PROBE, f"{SUBMITTED}=anna") == NOT_SUBMITTED
    assert recorded(people["carl"].patch(PROBE, cancel=True)) == {CANCELLED: "carl"}


def test_another_policy_cannot_write_the_user_name(people: dict[str, Person], kwok_cluster: Cluster, job: str) -> None:
    kwok_cluster.run_kubectl(
        "apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": FORGER})
    )
    try:
        change = {"metadata": {"labels": {"forged": "yes"}}}
        eventually(
            lambda: _refuses(people["anna"], (*patching(job, change), "--dry-run=server")), lambda: "until it forges"
        )
        assert people["anna"].refusal(*patching(job, change)) == NOT_SUBMITTED
        made = people["anna"].create(
            "forged", {"labels": {"forged": "yes"}, "annotations": {"a": "b"}}, "--dry-run=server"
        )
        assert recorded(made) == {SUBMITTED: "anna"}
    finally:
        for item in FORGER:
            kwok_cluster.run_kubectl("delete", item["kind"], item["metadata"]["name"])


def test_without_attribution_no_user_name_is_accepted(people: dict[str, Person], kwok_cluster: Cluster) -> None:
    kwok_cluster.run_kubectl("delete", "mutatingadmissionpolicybinding", "simjob-attribution")
    try:
        create = ("create", "-f", "-", "--dry-run=server")
        eventually(lambda: _refuses(people["anna"], create, manifest("dry")), lambda: "until nothing is recorded")
        assert people["anna"].refusal(*create, stdin=manifest("dry")) == (
            "the MutatingAdmissionPolicy simjob-attribution has not written the annotation simjob.dev/submitted-by: it "
            "is in effect some seconds after it was installed, and needs Kubernetes 1.36 or newer"
        )
    finally:
        install_attribution(kwok_cluster, people)


def test_a_cancel_withdrawn_during_operator_downtime_is_carried_out(
    people: dict[str, Person], place: Place, operator: OperatorProcess
) -> None:
    sweep = submit(place, people["anna"], "long")
    sweep.wait_running(3)
    operator.stop()
    people["carl"].patch("long", cancel=True, cancelReason="wrong mesh")
    people[FLUX].patch("long", cancel=None, cancelReason=None)
    operator.start()
    status = sweep.wait_phase("CANCELLED")
    assert (status["cancellation"]["requestedBy"], status["cases"]["cancelled"]) == ("carl", 3)
    assert "cancel" not in place.client.get(sweep.path)["spec"]
    assert not sweep.live_pods


def test_the_operator_works_under_the_policies(people: dict[str, Person], place: Place) -> None:
    done, stopped = submit(place, people["anna"], "done", run=1), submit(place, people["anna"], "stopped")
    assert done.wait_phase("COMPLETED")["cases"]["succeeded"] == 3
    stopped.wait_running(3)
    people["carl"].patch("stopped", cancel=True, cancelReason="wrong mesh")
    cancellation = stopped.wait_phase("CANCELLED")["cancellation"]
    assert (cancellation["requestedBy"], cancellation["reason"]) == ("carl", "wrong mesh")
    assert (
        people["carl"]
        .refusal_of_patch("done", cancel=True)
        .endswith("spec.cancel may not be set: the SimulationJob is already COMPLETED")
    )
    assert stored(people, "done") == {SUBMITTED: "anna"}


def test_a_cancel_after_the_end_records_no_user(
    people: dict[str, Person], place: Place, kwok_cluster: Cluster, client: Client
) -> None:
    late = submit(place, people["anna"], "late", run=1)
    late.wait_phase("COMPLETED")
    with latecancel.answering(kwok_cluster, client, Answer.WARNED):
        assert recorded(people["carl"].patch("late", cancel=True)) == {SUBMITTED: "anna"}
        annotate = patching("late", {"metadata": {"annotations": {CANCELLED: "carl"}}})
        assert people["anna"].refusal(*annotate) == NOT_CANCELLED
        assert recorded(people[FLUX].patch("late", cancel=None)) == {SUBMITTED: "anna"}
    assert "cancellation" not in late.status
