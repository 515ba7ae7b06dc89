"""What the shipped roles allow, as `kubectl auth can-i` shows. The policies are tested in test_admission."""

import pytest
from integration.admission.people import Person, bind, make_role
from integration.support.client import Client

pytestmark = pytest.mark.integration

VERBS = ("get", "list", "watch", "cancel", "patch", "update", "create", "delete", "deletecollection")


@pytest.mark.parametrize(
    ("name", "verbs"),
    [
        pytest.param("vera", VERBS[:3], id="view"),
        pytest.param("carl", VERBS[:5], id="canceller"),
        pytest.param("ed", VERBS, id="editor"),
        pytest.param("anna", VERBS, id="edit"),
    ],
)
def test_a_role_grants_exactly_these_verbs(people: dict[str, Person], name: str, verbs: tuple[str, ...]) -> None:
    found = [verb for verb in VERBS if people[name].may(verb, "simulationjobs")]
    assert found == list(verbs)


@pytest.mark.parametrize("name", ["vera", "carl", "ed", "anna"])
def test_every_role_can_read_the_status_and_none_can_write_it(people: dict[str, Person], name: str) -> None:
    verbs = [verb for verb in VERBS if people[name].may(verb, "simjob", "--subresource=status")]
    assert verbs == ["get"]


def test_kubectl_auth_can_i_answers_for_the_cancel_verb(people: dict[str, Person], client: Client) -> None:
    rule = {"apiGroups": ["simjob.dev"], "resources": ["simulationjobs"], "verbs": ["cancel"], "resourceNames": ["his"]}
    make_role(client, "of-one", [rule])
    binding = bind(client, "vera", "of-one")
    people["vera"].wait_until_may("cancel", "simjob/his")
    assert not people["vera"].may("cancel", "simjob/hers")
    assert people["carl"].may("cancel", "simjob/hers")
    client.delete(binding)


def test_an_editor_can_scale_and_a_canceller_cannot(people: dict[str, Person]) -> None:
    people["anna"].create("scaled")
    people["ed"].kubectl("scale", "simjob/scaled", "--replicas=3")
    assert people["vera"].kubectl("get", "simjob", "scaled", "-o", "jsonpath={.spec.parallelism}") == "3"
    assert people["carl"].refusal("scale", "simjob/scaled", "--replicas=4") == (
        'Error from server (Forbidden): simulationjobs.simjob.dev "scaled" is forbidden: User "carl" cannot patch '
        'resource "simulationjobs/scale" in API group "simjob.dev" in the namespace "admission"'
    )


def test_a_viewer_changes_nothing(people: dict[str, Person]) -> None:
    people["anna"].create("seen")
    assert people["vera"].refusal_of_patch("seen", cancel=True) == (
        'Error from server (Forbidden): simulationjobs.simjob.dev "seen" is forbidden: User "vera" cannot patch '
        'resource "simulationjobs" in API group "simjob.dev" in the namespace "admission"'
    )
