"""Whatever refuses creations midway, running cases continue, status says why, and the sweep ends well.

One story for each world. All worlds play at the same time, each in its own namespace.
"""

import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import pytest
from integration.conftest import make_place
from integration.support import client as paths
from integration.support.client import Client, Object
from integration.support.operator_process import OperatorProcess
from integration.support.sweeps import Place
from integration.worlds.answers import Answer, allow, broken, deny, slow
from integration.worlds.injection import broken_injector
from integration.worlds.limits import limit_range
from integration.worlds.webhook import JOBS, PODS, webhook

pytestmark = pytest.mark.integration

CASES = 6
PROMPT_SECONDS = 15
REFUSES = 'admission webhook "test.simjob.example.org" denied the request: '
FAILS = 'failed calling webhook "test.simjob.example.org": '
WEBHOOK_HINT = "; the webhook does not work: ask the administrator of the cluster"

World = Callable[[Client, str], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class Trouble:
    """A world that refuses creations, and what status must say of it."""

    world: World
    reason: str
    words: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Story:
    """What happened to a sweep that met trouble."""

    seconds: float
    said: Object
    running: int
    ended: Object
    warnings: list[Object]
    phases: list[str]
    stopped: list[str]
    pods: list[str]


def hooked(answer: Answer, rule: Object = PODS, timeout_seconds: int = 10) -> World:
    """A webhook that gives this answer."""

    @contextmanager
    def world(client: Client, namespace: str) -> Iterator[None]:
        with webhook(client, namespace, allow(), rules=(rule,), timeout_seconds=timeout_seconds) as hook:
            hook.answer = answer
            yield
            hook.answer = allow()

    return world


@contextmanager
def away(client: Client, namespace: str) -> Iterator[None]:
    """A webhook that is not there."""
    with webhook(client, namespace, allow()) as hook, hook.away():
        yield


@contextmanager
def limited(client: Client, namespace: str) -> Iterator[None]:
    """A LimitRange whose default is lower than what the sweep asks for."""
    path = limit_range(client, namespace, cpu="20m")
    yield
    client.delete(path)


TROUBLES: Mapping[str, Trouble] = {
    "denies_a_field": Trouble(
        hooked(deny(422, "no certificate", "Invalid", spec__containers="no certificate")),
        "PodRefused",
        REFUSES + "no certificate",
    ),
    "denies_as_bad_request": Trouble(hooked(deny(400, "bad", "BadRequest")), "PodRefused", REFUSES + "bad"),
    "denies_jobs": Trouble(
        hooked(deny(422, "no team", "Invalid", metadata__labels="no team"), JOBS), "JobRefused", REFUSES + "no team"
    ),
    "answers_500": Trouble(hooked(broken()), "PodRefused", FAILS, WEBHOOK_HINT),
    "is_away": Trouble(away, "PodRefused", "connect: connection refused", WEBHOOK_HINT),
    "says_nothing": Trouble(hooked(slow(12)), "PodRefused", "context deadline exceeded", WEBHOOK_HINT),
    "answers_late": Trouble(hooked(slow(12), timeout_seconds=30), "APIUnavailable", "check its admission webhooks"),
    "limits_cpu": Trouble(
        limited,
        "PodRefused",
        "must be less than or equal to cpu limit of 20m",
        "; a LimitRange or the template sets a CPU limit below the request: set `resources.limits.cpu`",
    ),
    "injects_half": Trouble(
        broken_injector, "PodRefused", 'spec.containers[0].volumeMounts[0].name: Not found: "mesh-certs"'
    ),
}


def play(place: Place, trouble: Trouble) -> Story:
    """Run a sweep, let the trouble begin while two pods run, and end it when both have ended."""
    sweep = place.apply(cases={"count": CASES}, parallelism=2, resources={"cpu": "50m"})
    sweep.wait_running(2)
    with trouble.world(place.client, place.name):
        sweep.patch(parallelism=CASES)
        started = time.monotonic()
        said = sweep.wait(lambda status: status.get("reason") == trouble.reason, trouble.reason)
        seconds, running = time.monotonic() - started, len(sweep.running_pods)
        sweep.end_running()
        sweep.wait(lambda status: status["cases"]["succeeded"] >= 2, "what ran has ended")
    sweep.wait_running(CASES - 2)
    sweep.end_running()
    ended = sweep.wait_phase("COMPLETED")
    place.settle()
    return Story(
        seconds=seconds,
        said=said,
        running=running,
        ended=ended,
        warnings=[event for event in place.client.items(paths.events(place.name)) if event["type"] == "Warning"],
        phases=[seen.phase for seen in sweep.history],
        stopped=[seen.name for seen in place.pods.history if "deletionTimestamp" in seen.object["metadata"]],
        pods=sweep.pod_names,
    )


def in_its_own_place(client: Client, operator: OperatorProcess, trouble: Trouble) -> Story:
    """Play in a namespace of its own; everything that happened there was lawful."""
    place = make_place(client, f"test-{secrets.token_hex(4)}", operator.tail)
    try:
        story = play(place, trouble)
        assert not place.violations()
        return story
    finally:
        place.leave()
        client.close()


@pytest.fixture(scope="module")
def stories(client: Client, operator_of_module: OperatorProcess) -> Iterator[dict[str, Future[Story]]]:
    """The story of each trouble; the operator found itself at fault in none."""
    operator_of_module.start()
    with ThreadPoolExecutor(len(TROUBLES)) as pool:
        yield {
            name: pool.submit(in_its_own_place, client, operator_of_module, trouble)
            for name, trouble in TROUBLES.items()
        }
    assert not operator_of_module.defects()


@pytest.mark.parametrize("name", TROUBLES)
def test_refused_creations_midway_are_reported_and_the_sweep_completes(
    stories: dict[str, Future[Story]], name: str
) -> None:
    trouble, story = TROUBLES[name], stories[name].result()
    assert story.seconds < PROMPT_SECONDS
    assert trouble.words in story.said["message"]
    assert trouble.hint in story.said["message"]
    assert (story.said["phase"], story.running) == ("RUNNING", 2)
    [warning] = story.warnings
    assert (warning["reason"], trouble.words in warning["note"]) == (trouble.reason, True)
    assert "FAILED" not in story.phases
    assert story.stopped == []
    assert (story.ended["cases"]["succeeded"], len(story.pods)) == (CASES, CASES)
