"""Creations that are refused or not answered, for an operator with one job."""

import asyncio
import json
from typing import Any

import pytest
from simjob.api import names
from simjob.core import planner
from simjob.core.plan import Plan
from simjob.runtime.client import errors
from worlds.oneoperator import OneOperator
from worlds.virtualtime import VirtualTimeLoop

LOOP = VirtualTimeLoop


QUOTA = errors.ForbiddenError("exceeded quota", code=403)


async def test_a_quota_is_probed_with_single_creations_and_back_off(one: OneOperator) -> None:
    one.apply(cases={"count": 4}, parallelism=1)
    one.cluster.refuse("create_pod", *[QUOTA] * 6)
    async with one.operator():
        await asyncio.sleep(1)
        assert (one.status["phase"], one.status["reason"]) == ("PENDING", "PodRefused")
        assert "exceeded quota" in one.status["message"]
        await asyncio.sleep(40)
        assert one.times("create_pod") == [0.0, 1.0, 3.0, 7.0, 15.0, 25.0, 35.0]
        assert (one.status["reason"], len(one.pods())) == ("Accepted", 1)
        assert one.times("create_job") == [0.0], "one Job waits, no more are made meanwhile"


async def test_a_refused_job_keeps_its_name_without_an_event(one: OneOperator) -> None:
    one.apply(cases={"count": 4}, parallelism=2)
    one.cluster.refuse("create_job", *[QUOTA] * 4)
    async with one.operator():
        await asyncio.sleep(40)
        assert one.status["restarts"] == 0
        assert len(one.pods()) == 2
        assert {event.reason for event in one.cluster.events} == {"JobRefused", "Accepted"}


async def test_a_large_sweep_waits_for_its_quota_without_repeated_events(
    one: OneOperator, monkeypatch: pytest.MonkeyPatch
) -> None:
    one.apply(cases={"count": 5000}, parallelism=1000)
    one.cluster.refuse("create_job", *[QUOTA] * 2000)
    async with one.operator():
        passes, plan = 0, planner.plan

        def counted(*args: Any) -> Plan:
            nonlocal passes
            passes += 1
            return plan(*args)

        monkeypatch.setattr(planner, "plan", counted)
        await asyncio.sleep(30)
        assert passes < 20
        assert len(one.times("create_job")) < 64 + 20


BAD = errors.InvalidError("spec.nodeName: bad", code=422)


async def test_a_template_that_is_refused_for_two_minutes_fails_a_new_job(one: OneOperator) -> None:
    one.apply(cases={"count": 3}, parallelism=1)
    one.cluster.refuse("create_pod", *[BAD] * 100)
    async with one.operator():
        await asyncio.sleep(119)
        assert (one.status["phase"], one.status["reason"], one.status["isFailed"]) == ("PENDING", "PodRefused", False)
        await asyncio.sleep(15)
        assert (one.status["phase"], one.status["errorCode"]) == ("FAILED", "SUBMISSION_FAILED")
        assert len(one.status["failedIndexes"]) == 1
        assert one.status["cases"]["cancelled"] == 2
        assert list(one.cluster.objects("jobs")) == []


async def test_an_operator_that_is_restarted_waits_for_two_minutes_again(one: OneOperator) -> None:
    one.apply(cases={"count": 1})
    one.cluster.refuse("create_pod", *[BAD] * 100)
    async with one.operator():
        await asyncio.sleep(100)
    async with one.operator():
        await asyncio.sleep(100)
        assert (one.status["phase"], one.status["reason"]) == ("PENDING", "PodRefused")


async def test_refusals_midway_fail_nothing_and_the_sweep_continues_afterwards(
    one: OneOperator,
) -> None:
    one.apply(cases={"count": 12}, parallelism=2)
    async with one.operator():
        first = one.pods()
        one.cluster.refuse("create_pod", *[BAD] * 70)
        one.cluster.end_pod("default", first[0])
        await asyncio.sleep(600)
        assert (one.status["phase"], one.status["reason"]) == ("RUNNING", "PodRefused")
        assert one.times("delete_pod") == []
        await asyncio.sleep(200)
        assert (one.status["reason"], len(one.pods())) == ("CasesRunning", 3)


async def test_refusals_do_not_fail_a_job_that_once_had_a_pod(one: OneOperator) -> None:
    one.apply(cases={"count": 2}, parallelism=1)
    async with one.operator():
        await asyncio.sleep(2)
        assert one.status["podsAccepted"] is True
    for plural in ("pods", "jobs"):
        for raw in list(one.cluster.objects(plural)):
            one.cluster.remove(plural, "default", raw["metadata"]["name"])
    one.cluster.refuse("create_job", *[BAD] * 100)
    async with one.operator():
        await asyncio.sleep(300)
        assert (one.status["phase"], one.status["reason"]) == ("PENDING", "JobRefused")


async def test_one_refused_case_does_not_delay_the_others(one: OneOperator) -> None:
    create = one.cluster.create_job
    tries = []

    async def refuse_the_second(namespace: str, body: bytes) -> Any:
        if json.loads(body)["metadata"]["labels"][names.LABEL_INDEX] == "1":
            tries.append(1)
            raise errors.InvalidError("Request entity too large: limit is 3145728", code=413)
        return await create(namespace, body)

    one.cluster.create_job = refuse_the_second  # type: ignore[method-assign]
    one.apply(cases={"count": 20}, parallelism=4)
    async with one.operator():
        await end_pods(one, seconds=60)
        assert one.status["cases"]["succeeded"] == 19
        assert one.status["reason"] == "JobRefused"
        assert one.status["message"] == (
            "the Job of case 1 is refused: Request entity too large: limit is 3145728; the other cases go on, and "
            "`cancelCases` can drop this one; the case is too large: give it fewer or shorter parameters"
        )
        assert len(tries) <= 12
        await one.patch(cancelCases="1")
        await asyncio.sleep(2)
        assert one.status["phase"] == "COMPLETED"


async def test_a_case_that_always_fails_to_create_is_named_while_others_start(one: OneOperator) -> None:
    create = one.cluster.create_job

    async def fail_for_the_second(namespace: str, body: bytes) -> Any:
        if json.loads(body)["metadata"]["labels"][names.LABEL_INDEX] == "1":
            raise errors.UnavailableError("Internal error occurred: failed calling webhook", code=500)
        return await create(namespace, body)

    one.cluster.create_job = fail_for_the_second  # type: ignore[method-assign]
    one.apply(cases={"count": 2000}, parallelism=20)
    async with one.operator():
        await end_pods(one, seconds=30)
        assert one.status["cases"]["succeeded"] > 200, "the others go on"
        assert one.status["reason"] == "JobRefused"
        assert one.status["message"].startswith("the Job of case 1 is refused: Internal error occurred")
        assert "the other cases go on, and `cancelCases` can drop this one" in one.status["message"]
        warnings = [event.reason for event in one.cluster.events if event.type == "Warning"]
        assert warnings == ["JobRefused"], "one Event says it"


class TestSomeCasesOfManyThatAreRefused:
    """The API server takes the pods of all cases except those in `bad`."""

    @pytest.fixture
    def bad(self, one: OneOperator) -> set[str]:
        create, bad = one.cluster.create_pod, set[str]()

        async def picky(namespace: str, body: bytes) -> Any:
            if json.loads(body)["metadata"]["labels"][names.LABEL_INDEX] in bad:
                one.cluster.refuse("create_pod", BAD)
            return await create(namespace, body)

        one.cluster.create_pod = picky  # type: ignore[method-assign]
        return bad

    async def test_a_refused_case_does_not_take_the_slot_of_a_long_case(self, one: OneOperator, bad: set[str]) -> None:
        bad.add("1")
        one.apply(cases={"count": 4}, parallelism=2)
        async with one.operator():
            await asyncio.sleep(600)
            assert indexes(one) == ["0", "2"]

    async def test_a_refused_first_case_does_not_block_a_sequential_sweep(
        self, one: OneOperator, bad: set[str]
    ) -> None:
        bad.add("0")
        one.apply(cases={"count": 4}, parallelism=1)
        async with one.operator():
            await asyncio.sleep(600)
            assert (one.status["phase"], indexes(one)) == ("PENDING", ["1"])

    @pytest.mark.parametrize("parallelism", [1, 2, 4])
    async def test_refused_cases_run_once_they_are_accepted(
        self, one: OneOperator, bad: set[str], parallelism: int
    ) -> None:
        bad.update("01")
        one.apply(cases={"count": 6}, parallelism=parallelism)
        async with one.operator():
            await end_pods(one, seconds=60)
            assert (one.status["succeededIndexes"], one.status["reason"]) == ("2-5", "PodRefused")
            bad.clear()
            await end_pods(one, seconds=60)
            assert (one.status["phase"], one.status["succeededIndexes"]) == ("COMPLETED", "0-5")

    async def test_a_dropped_case_leaves_its_turn_to_the_other(self, one: OneOperator, bad: set[str]) -> None:
        bad.update("12")
        one.apply(cases={"count": 4}, parallelism=4)
        async with one.operator():
            await asyncio.sleep(60)
            assert indexes(one) == ["0", "3"]
            await one.patch(cancelCases="1")
            await asyncio.sleep(60)
            assert one.status["cancelledIndexes"] == "1"
            assert "case 2 is refused" in one.status["message"]
            bad.clear()
            await asyncio.sleep(300)
            assert indexes(one) == ["0", "2", "3"]


def indexes(one: OneOperator) -> list[str]:
    return sorted(raw["metadata"]["labels"][names.LABEL_INDEX] for raw in one.cluster.objects("pods"))


async def end_pods(one: OneOperator, *, seconds: int) -> None:
    """End all pods every second."""
    for _ in range(seconds):
        await asyncio.sleep(1)
        for raw in one.cluster.objects("pods"):
            if raw["status"]["phase"] == "Pending":
                one.cluster.end_pod("default", raw["metadata"]["name"])


@pytest.mark.parametrize("pause", [{"suspend": True}, {"parallelism": 0}])
async def test_two_refusals_an_hour_apart_have_not_lasted(one: OneOperator, pause: dict[str, Any]) -> None:
    one.apply(cases={"count": 1})
    one.cluster.refuse("create_pod", BAD)
    async with one.operator():
        await one.patch(**pause)
        await asyncio.sleep(3600)
        one.cluster.refuse("create_pod", BAD)
        await one.patch(suspend=False, parallelism=1)
        await asyncio.sleep(20)
        assert (one.status["phase"], len(one.pods())) == ("PENDING", 1)


async def test_a_terminating_namespace_gets_no_creations(one: OneOperator) -> None:
    one.apply(cases={"count": 1})
    one.cluster.refuse("create_job", *[errors.NamespaceTerminatingError("going", code=403)] * 100)
    async with one.operator():
        await asyncio.sleep(20)
        assert one.status["reason"] == "Accepted", "no status is written to an object that goes too"
        assert len(one.times("create_job")) <= 9


@pytest.mark.parametrize("call", ["create_job", "create_pod"])
@pytest.mark.parametrize(
    ("error", "reason"),
    [
        pytest.param(errors.UnavailableError("no answer"), "APIUnavailable", id="no answer"),
        pytest.param(errors.UnavailableError("failed calling webhook", code=500), "Refused", id="a webhook that fails"),
        pytest.param(
            errors.ConflictError("Operation cannot be fulfilled on resourcequotas", code=409),
            "Refused",
            id="a quota that changed meanwhile",
        ),
    ],
)
async def test_failing_creations_are_reported_within_15_seconds_and_back_off(
    one: OneOperator, call: str, error: errors.ClusterError, reason: str
) -> None:
    one.apply(cases={"count": 20}, parallelism=10)
    one.cluster.refuse(call, *[error] * 60)
    async with one.operator():
        await asyncio.sleep(15)
        assert reason in one.status["reason"]
        assert error.message in one.status["message"]
        assert len(one.times(call)) <= 30
        await asyncio.sleep(600)
        assert (len(one.pods()), one.status["reason"], one.status["restarts"]) == (10, "Accepted", 0)
        warnings = [event for event in one.cluster.events if event.type == "Warning"]
        assert [reason in event.reason for event in warnings] == [True], "one Event"


@pytest.mark.parametrize("call", ["create_job", "create_pod"])
async def test_a_single_error_is_not_reported_and_slows_nothing_down(one: OneOperator, call: str) -> None:
    one.apply(cases={"count": 250}, parallelism=250)
    one.cluster.refuse(call, errors.UnavailableError("slow down", code=429))
    async with one.operator():
        await asyncio.sleep(3)
        assert len(one.pods()) == 250
        assert {event.reason for event in one.cluster.events} == {"Accepted"}


@pytest.mark.parametrize("call", ["patch_simulationjob_status", "create_job", "create_pod"])
async def test_requests_to_an_unresponsive_cluster_back_off(one: OneOperator, call: str) -> None:
    one.apply(cases={"count": 1})
    one.cluster.refuse(call, *[errors.UnavailableError("no answer")] * 8)
    async with one.operator():
        await asyncio.sleep(60)
        assert len(one.times(call)) <= 12
        assert (len(one.pods()), one.status["restarts"]) == (1, 0)
        alarms = set() if call.startswith("patch") else {"APIUnavailable"}
        assert {event.reason for event in one.cluster.events} == {"Accepted"} | alarms


class TestCreationsThatHang:
    @pytest.fixture(params=["create_job", "create_pod"])
    async def hanging(self, request: pytest.FixtureRequest, one: OneOperator) -> OneOperator:
        """Gives an operator with one running pod whose second creation is not answered for a minute."""
        call = request.param
        create = getattr(one.cluster, call)

        async def hang(namespace: str, body: bytes) -> Any:
            if json.loads(body)["metadata"]["labels"][names.LABEL_INDEX] != "0":
                await asyncio.sleep(60)
            return await create(namespace, body)

        setattr(one.cluster, call, hang)
        one.apply(cases={"count": 5}, parallelism=2)
        return one

    async def test_do_not_delay_a_cancel(self, hanging: OneOperator) -> None:
        one = hanging
        async with one.operator():
            await asyncio.sleep(1)
            one.cluster.run_pod("default", one.pods()[0])
            await asyncio.sleep(1)
            asked_at = asyncio.get_running_loop().time() - one._start
            await one.patch(cancel=True)
            await asyncio.sleep(3)
            deleted = next(time for time, name in one.calls if name == "delete_pod")
            assert deleted - asked_at < 0.3
            assert one.status["phase"] == "CANCELLED"
            await asyncio.sleep(100)
            assert one.pods() == []

    async def test_are_reported_in_status_within_15_seconds(self, hanging: OneOperator) -> None:
        one = hanging
        async with one.operator():
            await asyncio.sleep(13)
            assert one.status["reason"] == "APIUnavailable"
            assert "has not responded for 11 s" in one.status["message"]
            await asyncio.sleep(60)
            assert (len(one.pods()), one.status["restarts"]) == (2, 0)

    async def test_keep_their_slots(self, hanging: OneOperator) -> None:
        one = hanging
        async with one.operator():
            await asyncio.sleep(50)
            assert len(one.times("create_job")) <= 2
