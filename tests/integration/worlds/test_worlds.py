"""Each world has its effect on plain objects, so a test that uses it proves something."""

import secrets
import time
from collections.abc import Iterator

import pytest
from integration.conftest import make_namespace
from integration.support import client as paths
from integration.support.client import Client, Object
from integration.support.sweeps import eventually
from integration.worlds.answers import Answer, allow, broken, change, deny, hang_up, slow
from integration.worlds.dryrun import admitted, plain_pod, refusal
from integration.worlds.injection import SIDECAR, Position, broken_injector, injected
from integration.worlds.limits import limit_range, quota
from integration.worlds.reboot import Memory, reboot
from integration.worlds.webhook import webhook

pytestmark = pytest.mark.integration


@pytest.fixture
def namespace(client: Client) -> Iterator[str]:
    name = f"test-{secrets.token_hex(4)}"
    make_namespace(client, name)
    yield name
    client.delete(f"/api/v1/namespaces/{name}")


def test_a_webhook_denies_with_the_given_status(client: Client, namespace: str) -> None:
    answer = deny(422, "the mesh is upgraded", "Invalid", spec__containers="no certificate")
    with webhook(client, namespace, answer) as hook:
        refused = refusal(client, namespace)
        assert refused is not None
        assert (refused.code, refused.fields) == (422, ["spec.containers"])
        assert refused.message == (
            'admission webhook "test.simjob.example.org" denied the request: the mesh is upgraded'
        )
        assert hook.calls == 1
        hook.answer = allow()
        assert refusal(client, namespace) is None
        assert hook.calls == 2
        hook.answer = deny(403, "no")
        assert (found := refusal(client, namespace)) is not None
        assert found.code == 403
    assert refusal(client, namespace) is None


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        pytest.param(deny(400, "bad"), 400, "denied the request: bad", id="it denies the request"),
        pytest.param(broken(), 500, "failed calling webhook", id="its answer cannot be read"),
        pytest.param(hang_up(), 500, "EOF", id="it closes the connection"),
        pytest.param(slow(3), 500, "context deadline exceeded", id="it is slow"),
    ],
)
def test_a_webhook_fails_in_every_way(client: Client, namespace: str, answer: Answer, code: int, words: str) -> None:
    with webhook(client, namespace, answer, timeout_seconds=1):
        refused = refusal(client, namespace)
    assert refused is not None
    assert refused.code == code
    assert words in refused.message


def test_a_webhook_can_go_away_and_come_back(client: Client, namespace: str) -> None:
    with webhook(client, namespace, allow()) as hook:
        with hook.away():
            refused = refusal(client, namespace)
        assert refused is not None
        assert "connection refused" in refused.message
        assert refusal(client, namespace) is None


def test_a_slow_webhook_only_delays_where_the_api_server_waits_for_it(client: Client, namespace: str) -> None:
    with webhook(client, namespace, slow(12), timeout_seconds=30):
        started = time.monotonic()
        assert refusal(client, namespace) is None
        assert time.monotonic() - started >= 12


def test_a_webhook_changes_pods_and_sees_one_namespace_only(client: Client, namespace: str) -> None:
    label: Object = {"op": "add", "path": "/metadata/labels", "value": {"team": "mesh"}}
    with webhook(client, namespace, change(label), mutating=True) as hook:
        assert admitted(client, namespace)["metadata"]["labels"] == {"team": "mesh"}
        assert "labels" not in admitted(client, "default")["metadata"]
        assert hook.calls == 1


@pytest.mark.parametrize("position", Position)
def test_an_injector_adds_its_container(client: Client, namespace: str, position: Position) -> None:
    with injected(client, namespace, position):
        spec = admitted(client, namespace)["spec"]
    inits = [found["name"] for found in spec.get("initContainers", [])]
    names = [found["name"] for found in spec["containers"]]
    expected: dict[Position, tuple[list[str], list[str]]] = {
        Position.FIRST: ([], [SIDECAR, "simulation"]),
        Position.LAST: ([], ["simulation", SIDECAR]),
        Position.NATIVE: ([SIDECAR], ["simulation"]),
    }
    assert (inits, names) == expected[position]


def test_a_broken_injector_makes_pods_that_validation_refuses(client: Client, namespace: str) -> None:
    with broken_injector(client, namespace):
        refused = refusal(client, namespace)
    assert refused is not None
    assert refused.code == 422
    assert "spec.containers[0].volumeMounts[1].name" in refused.fields


def test_a_limit_range_with_a_default_refuses_a_larger_request(client: Client, namespace: str) -> None:
    limit_range(client, namespace, cpu="20m")
    refused = refusal(client, namespace, plain_pod(resources={"requests": {"cpu": "50m"}}))
    assert refused is not None
    assert refused.code == 422
    assert "must be less than or equal to cpu limit of 20m" in refused.message


@pytest.mark.parametrize(
    ("hard", "words"),
    [
        pytest.param({"limits.cpu": "1"}, "must specify limits.cpu", id="a quota of limits that the pod does not have"),
        pytest.param({"count/pods": "0"}, "exceeded quota", id="a quota of objects"),
    ],
)
def test_a_quota_refuses_what_it_does_not_allow(client: Client, namespace: str, hard: Object, words: str) -> None:
    quota(client, namespace, hard)
    refused = refusal(client, namespace)
    assert refused is not None
    assert refused.code == 403
    assert words in refused.message


@pytest.mark.parametrize(
    ("memory", "code", "reason"),
    [
        pytest.param(Memory.KNOWN, 255, "Unknown", id="the container's state is known"),
        pytest.param(Memory.LOST, 137, "ContainerStatusUnknown", id="the container's state is lost"),
    ],
)
def test_a_fake_node_reboots(client: Client, namespace: str, memory: Memory, code: int, reason: str) -> None:
    path = paths.pods(namespace, "plain")
    client.create(paths.pods(namespace), plain_pod())

    def status() -> Object:
        found: Object = client.get(path)["status"]
        return found

    eventually(lambda: status().get("phase") == "Running", lambda: f"it does not run: {status()}")
    assert reboot(client, namespace, client.get(path)["spec"]["nodeName"], memory) == ["plain"]
    assert status()["phase"] == "Failed"
    [container] = status()["containerStatuses"]
    ended = container["state"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (code, reason)
    client.delete(path, gracePeriodSeconds=0)
