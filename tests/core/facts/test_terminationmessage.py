from typing import Any

import msgspec
import pytest
from simjob.core.facts import terminationmessage
from simjob.core.facts.apiobjects import Pod
from simjob.core.facts.terminationmessage import Message

FALLBACK = "FallbackToLogsOnError"


def said(text: str, *, code: int = 0, policy: str = "File", **pod: Any) -> Message:
    """Read the message of a pod's only container; keywords are further lists of containers."""
    end = {
        "exitCode": code,
        "reason": "Error" if code else "Completed",
        "message": text,
        "startedAt": "2026-01-02T00:00:00Z",
    }
    return read(end, policy=policy, **pod)


def read(end: dict[str, Any], *, policy: str = "File", more: int = 0, **pod: Any) -> Message:
    containers = [{"name": "simulation", "terminationMessagePolicy": policy}, *({"name": f"c{n}"} for n in range(more))]
    statuses = [{"name": "simulation", "state": {"terminated": end}}]
    raw = {
        "metadata": {"name": "pod", "uid": "u"},
        "spec": {"containers": containers, **pod},
        "status": {"containerStatuses": statuses},
    }
    found = msgspec.convert(raw, Pod)
    terminated = found.status.container_statuses[0].state.terminated
    assert terminated is not None
    return terminationmessage.read(found, "simulation", terminated)


@pytest.mark.parametrize(
    ("containers", "limit"),
    [
        pytest.param(1, 4096, id="one container has the limit of a message"),
        pytest.param(2, 4096, id="two containers have the limit of a message"),
        pytest.param(3, 4096, id="three containers fill the limit of the pod"),
        pytest.param(4, 3072, id="four containers share the limit of the pod"),
        pytest.param(5, 2457, id="five containers share it rounded down"),
        pytest.param(6, 2048, id="six containers share the limit of the pod"),
        pytest.param(24, 512, id="twenty-four containers share the limit of the pod"),
    ],
)
def test_a_message_at_the_kubelets_limit_may_be_truncated(containers: int, limit: int) -> None:
    assert said("x" * (limit - 1), more=containers - 1) == Message(text="x" * (limit - 1), cut=False)
    assert said("x" * limit, more=containers - 1) == Message(text="x" * limit, cut=True)


def test_init_and_debug_containers_share_the_limit_too() -> None:
    others = [{"name": "a"}, {"name": "b"}]
    text = "x" * 2457
    assert said(text, initContainers=others, more=1).cut is False
    assert said(text, initContainers=others, ephemeralContainers=[{"name": "debug"}], more=1).cut is True


def test_the_limit_counts_bytes_not_characters() -> None:
    assert said("ü" * 2047).cut is False
    assert said("ü" * 2048).cut is True


def test_a_split_character_does_not_hide_truncation() -> None:
    # The kubelet keeps the last 4096 bytes: the second byte of the first ü is left, and arrives as U+FFFD.
    whole = ("ü" * 3000).encode()
    assert said(whole[-4095:].decode(errors="replace")).cut is True
    assert said(("x" + "ü" * 3000).encode()[:4096].decode(errors="replace")).cut is True


@pytest.mark.parametrize(
    ("text", "is_cut"),
    [
        pytest.param("x" * 2047, False, id="one byte below the limit"),
        pytest.param("x" * 2048, True, id="exactly at the limit of bytes"),
        pytest.param("x" * 2049, False, id="one byte above the limit of a log"),
        pytest.param("\ufffd" + "x" * 2047, True, id="half a character at the start"),
        pytest.param("line\n" * 79, False, id="one line below the limit"),
        pytest.param("line\n" * 80, True, id="exactly at the limit of lines"),
        pytest.param("line\n" * 79 + "line", True, id="a last line without its end"),
        pytest.param("line\n" * 500, False, id="more lines than a log can have"),
        pytest.param("x" * 4096, True, id="exactly at the limit of a file"),
    ],
)
def test_the_end_of_a_log_has_another_limit(text: str, is_cut: bool) -> None:
    # What is longer than 2048 bytes is not from the log.
    assert said(text, code=1, policy=FALLBACK).cut is is_cut


def test_only_a_container_that_failed_falls_back_to_its_log() -> None:
    assert said("x" * 2048, code=0, policy=FALLBACK).cut is False
    assert said("x" * 2048, code=1).cut is False


@pytest.mark.parametrize(
    "end",
    [
        {"exitCode": 128, "reason": "StartError", "message": "no such file", "startedAt": "1970-01-01T00:00:00Z"},
        {"exitCode": 127, "reason": "ContainerCannotRun", "message": "OCI runtime create failed"},
        {"exitCode": 137, "reason": "ContainerStatusUnknown", "message": "The container could not be located"},
        {"exitCode": 137, "reason": "RestartingAllContainers", "message": "The container is removed because"},
        {"exitCode": 1, "reason": "Error", "message": "Error on reading termination log /x: input/output error"},
        {"exitCode": 1, "reason": "Error", "message": "Error on reading termination message from logs: no file"},
        {"exitCode": 1, "reason": "Error", "message": "", "startedAt": "2026-01-02T00:00:00Z"},
    ],
)
def test_messages_of_the_kubelet_or_runtime_are_not_results(end: dict[str, Any]) -> None:
    assert read(end) == Message()


def test_a_container_killed_for_memory_keeps_its_message() -> None:
    end = {"exitCode": 137, "reason": "OOMKilled", "message": "step 3", "startedAt": "2026-01-02T00:00:00Z"}
    assert read(end) == Message(text="step 3")
