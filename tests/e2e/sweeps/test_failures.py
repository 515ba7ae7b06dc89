"""How containers fail, and what the status reports."""

import time
from typing import Any

import pytest
from e2e.support.namespace import Namespace
from e2e.support.sweep import manifest
from integration.support.client import Object

pytestmark = pytest.mark.e2e


@pytest.mark.effect("spec.resources.memory")
def test_a_case_that_exceeds_its_memory_is_reported(namespace: Namespace) -> None:
    sweep = namespace.sweep("head -c 200000000 /dev/zero | tail", resources={"memory": "32Mi"})
    (failure,) = sweep.wait_phase("FAILED")["failures"]
    assert (failure["reason"], failure["exitCode"]) == ("OOMKilled", 137)


def test_a_program_missing_from_the_image_is_reported(namespace: Namespace) -> None:
    sweep = namespace.apply(with_container(command=["/opt/solver"]))
    status = sweep.wait_phase("FAILED")
    (failure,) = status["failures"]
    assert (failure["reason"], failure["exitCode"]) == ("StartError", 128)
    assert "/opt/solver" in failure["message"]
    # The kubelet says that the container started in 1970, and the runtime's words are its termination message.
    assert status["computeTime"]["failed"]["wallSeconds"] == 0
    assert status.get("results", {}).get("rows", 0) == 0


def test_a_persistent_program_missing_from_the_image_is_retried_with_back_off(
    namespace: Namespace,
) -> None:
    body = with_container(command=["/opt/solver"])
    body["metadata"]["name"] = "persistent"
    body["spec"]["task"] = "Persistent"
    persistent = namespace.apply(body)
    time.sleep(20)
    namespace.settle()
    made = {seen.name for seen in namespace.pods.history if seen.name.startswith("persistent-")}
    # At once, then after 1, 2, 4 and 8 seconds.
    assert 3 <= len(made) <= 6
    persistent.cancel()
    persistent.wait_phase("CANCELLED")


def test_a_missing_config_map_is_named_until_it_exists(namespace: Namespace) -> None:
    source = {"configMapRef": {"name": "parameters"}}
    sweep = namespace.apply(with_container(envFrom=[source], command=["sh", "-c", "echo $MESH"]))
    message = sweep.wait_message("ContainerCannotStart")
    assert message == 'case 0 cannot start: CreateContainerConfigError: configmap "parameters" not found'
    namespace.run("create", "configmap", "parameters", "--from-literal=MESH=fine")
    sweep.wait_phase("COMPLETED", 90)
    assert namespace.run("logs", f"job/{sweep.job(0)}") == "fine\n"


def test_a_missing_secret_of_a_volume_is_named_until_it_exists(namespace: Namespace) -> None:
    body = with_container(command=["cat", "/licence/key"], volumeMounts=[{"name": "licence", "mountPath": "/licence"}])
    body["spec"]["template"]["spec"]["volumes"] = [{"name": "licence", "secret": {"secretName": "solver-licence"}}]
    sweep = namespace.apply(body)
    message = sweep.wait_message("ContainerCannotStart")
    assert "FailedMount" in message
    assert 'secret "solver-licence" not found' in message
    namespace.run("create", "secret", "generic", "solver-licence", "--from-literal=key=42")
    sweep.wait_phase("COMPLETED", 90)
    assert namespace.run("logs", f"job/{sweep.job(0)}") == "42"


def test_a_failing_init_container_fails_its_case(namespace: Namespace) -> None:
    body = with_container(command=["sh", "-c", "echo never"])
    spec = body["spec"]["template"]["spec"]
    spec["initContainers"] = [{**spec["containers"][0], "name": "prepare", "command": ["sh", "-c", "exit 5"]}]
    (failure,) = namespace.apply(body).wait_phase("FAILED")["failures"]
    assert failure["exitCode"] == 5


def with_container(**fields: Any) -> Object:
    body = manifest("sweep", "true", 5, {})
    body["spec"]["template"]["spec"]["containers"][0].update(fields)
    return body
