"""A cancel and an end that reach the API server at the same time: the first one wins, under each answer.

No operator runs here: the tests write the end themselves.
"""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cluster.provider import Cluster
from given.builders import a_job_dict
from integration.conftest import make_namespace
from integration.support import client as paths
from integration.support import latecancel
from integration.support.client import Client, Object, RefusedError
from integration.support.latecancel import Answer

pytestmark = pytest.mark.integration

NAMESPACE = "late-cancel-race"
# Milliseconds by which the cancel is sent after the end.
DELAYS = [*range(-20, 21, 2)] * 3


@pytest.fixture(scope="module", params=Answer, ids=str)
def answer(
    request: pytest.FixtureRequest, kwok_cluster: Cluster, client: Client, operator_kubeconfig: Path
) -> Iterator[Answer]:
    assert operator_kubeconfig.exists()
    with latecancel.answering(kwok_cluster, client, request.param):
        yield request.param


@pytest.fixture(scope="module")
def namespace(client: Client) -> Iterator[str]:
    if client.find(f"/api/v1/namespaces/{NAMESPACE}") is None:
        make_namespace(client, NAMESPACE)
    yield NAMESPACE
    client.delete(paths.simulationjobs(NAMESPACE))


class Race:
    """Two clients that write at the same time, each with a connection of its own."""

    def __init__(self, client: Client, threads: ThreadPoolExecutor) -> None:
        self._client = client
        self._threads = threads
        self._together = threading.Barrier(2)

    def run(self, path: str, delay: float) -> tuple[Object | None, Object | None]:
        """Write the end and the cancel; return what each wrote, or None if it was refused."""
        ended = {"status": {"phase": "COMPLETED", "isTerminal": True}}
        end = self._threads.submit(self._write, f"{path}/status", ended, -delay)
        cancel = self._threads.submit(self._write, path, {"spec": {"cancel": True}}, delay)
        return end.result(), cancel.result()

    def _write(self, path: str, change: Object, wait: float) -> Object | None:
        self._together.wait()
        time.sleep(max(wait, 0) / 1000)
        try:
            return self._client.patch(path, change)
        except RefusedError as refused:
            if refused.code != 422:
                raise
            return None


@pytest.fixture
def race(client: Client) -> Iterator[Race]:
    with ThreadPoolExecutor(2) as threads:
        yield Race(client, threads)


def test_exactly_one_wins_or_the_cancel_comes_second(
    client: Client, namespace: str, answer: Answer, race: Race
) -> None:
    winners = set()
    for number, delay in enumerate(DELAYS):
        name = f"race-{number}"
        path = paths.simulationjobs(namespace, name)
        client.create(paths.simulationjobs(namespace), {**a_job_dict(suspend=True), "metadata": {"name": name}})
        end, cancel = race.run(path, delay)
        job = client.get(path)
        assert job["status"].get("phase") == ("COMPLETED" if end else None)
        assert job["spec"].get("cancel") is (True if cancel else None)
        assert end or cancel
        if answer is Answer.REFUSED:
            assert not (end and cancel)
        elif end:
            assert cancel, "nothing refuses it"
            assert version(end) < version(cancel), "the end came first"
        winners.add("end" if end else "cancel")
        client.delete(path)
    assert winners == {"end", "cancel"}


def version(job: Object) -> int:
    return int(job["metadata"]["resourceVersion"])
